import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { until } from './until.ts';

export type PoolMode = 'session' | 'transaction';

export interface PgBouncer {
  /** The same database and role, by way of the pooler. */
  urlOf(databaseUrl: string): string;
  stop(): Promise<void>;
}

const PLACES = [
  '/usr/sbin/pgbouncer',
  '/usr/bin/pgbouncer',
  '/usr/local/bin/pgbouncer',
  '/opt/homebrew/bin/pgbouncer',
];

/** Debian's package; as root it is installed where it is missing. A machine without it fails the test, by name. */
function installed(): string {
  const present = () => PLACES.find((place) => existsSync(place));
  const found = present();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { env });
    spawnSync('apt-get', ['install', '-y', '-qq', 'pgbouncer'], { env });
  }
  const file = present();
  if (file === undefined) throw new Error('this test needs PgBouncer: install the package pgbouncer');
  return file;
}

/** PgBouncer in front of a database, with few connections, so that clients meet each other's sessions. */
export async function startPgBouncer(mode: PoolMode, databaseUrls: readonly string[]): Promise<PgBouncer> {
  const file = installed();
  const folder = mkdtempSync(path.join(tmpdir(), 'pgbouncer-'));
  chmodSync(folder, 0o755);
  const port = await freePort();
  const server = new URL(databaseUrls[0] ?? '');
  const users = databaseUrls.map((text) => new URL(text));
  writeFileSync(
    path.join(folder, 'users.txt'),
    users.map(({ username, password }) => `"${username}" "${decodeURIComponent(password)}"\n`).join(''),
  );
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'plain',
    auth_file: path.join(folder, 'users.txt'),
    pool_mode: mode,
    default_pool_size: mode === 'session' ? 20 : 2,
    max_client_conn: 100,
  };
  writeFileSync(
    path.join(folder, 'pgbouncer.ini'),
    `[databases]\n* = host=${server.hostname} port=${server.port}\n[pgbouncer]\n${Object.entries(settings)
      .map(([name, value]) => `${name} = ${String(value)}\n`)
      .join('')}`,
  );
  // It refuses to run as root.
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const child = spawn(file, [path.join(folder, 'pgbouncer.ini')], { stdio: 'ignore', ...nobody });
  const urlOf = (databaseUrl: string) => {
    const url = new URL(databaseUrl);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    return url.href;
  };
  await until('PgBouncer to answer', () => answers(urlOf(databaseUrls[0] ?? '')));
  return {
    urlOf,
    stop: async () => {
      await ended(child);
      rmSync(folder, { recursive: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  // At once: SIGTERM waits for every client.
  child.kill('SIGKILL');
  await gone;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
