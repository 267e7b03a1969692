import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { chooseAccount, type Account } from '../../stack/account.ts';
import { pickPort } from '../../stack/ports.ts';
import { fetchByMaven } from '../../stack/runtime.ts';
import { until } from './until.ts';
import { serverEnvironment } from '../../stack/server.ts';

const POM_FOLDER = path.join(import.meta.dirname, 'postgres-14');

/** A server of the oldest supported Postgres, with the database `app` of an ordinary role `app`. It belongs to one test file. */
export class OlderPostgres {
  readonly #folder: string;
  readonly #server: ChildProcess;
  readonly #port: number;

  private constructor(folder: string, server: ChildProcess, port: number) {
    this.#folder = folder;
    this.#server = server;
    this.#port = port;
  }

  static async start(): Promise<OlderPostgres> {
    const binaries = await install();
    const folder = mkdtempSync(path.join(tmpdir(), 'postgres-14-'));
    const base = { cwd: folder, env: serverEnvironment(process.env) };
    const data = path.join(folder, 'data');
    const account = chooseAccount({ ...base, file: path.join(binaries, 'initdb'), args: ['--version'] });
    giveTo(folder, account);
    const initdb = account.as({
      ...base,
      file: path.join(binaries, 'initdb'),
      args: ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    });
    execFileSync(initdb.file, [...initdb.args], { ...initdb, stdio: 'ignore' });
    const port = await pickPort(new Set());
    const settings = [
      ...[`port=${String(port)}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories='],
      ...['wal_level=logical', 'max_slot_wal_keep_size=1GB', 'fsync=off', 'timezone=UTC'],
    ];
    const { file, args, ...how } = account.as({
      ...base,
      file: path.join(binaries, 'postgres'),
      args: ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    });
    const older = new OlderPostgres(folder, spawn(file, [...args], { ...how, stdio: 'ignore' }), port);
    await until('the older Postgres answers', () => older.#furnish());
    return older;
  }

  urlOf(role: string): string {
    return `postgresql://${role}@127.0.0.1:${String(this.#port)}/app`;
  }

  async #furnish(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.urlOf('postgres').replace(/app$/, 'postgres') });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('CREATE ROLE app LOGIN');
      await client.query('CREATE DATABASE app OWNER app');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.#server, 'exit');
    this.#server.kill('SIGINT');
    await ended;
    rmSync(this.#folder, { recursive: true });
  }
}

/** Fetched and unpacked on first use; gives the folder of its programs. */
async function install(): Promise<string> {
  const folder = await fetchByMaven(
    {
      name: 'postgres-14',
      folder: POM_FOLDER,
      sources: ['pom.xml'],
      fetching: 'fetching Postgres 14 by Maven (15 MB, once)',
      check: (made) => {
        const [archive] = readdirSync(made).filter((name) => name.endsWith('.txz'));
        if (archive === undefined) throw new Error('there is no archive in the jar of Postgres 14');
        execFileSync('tar', ['-xJf', archive], { cwd: made });
        chmodSync(made, 0o755);
      },
    },
    process.env,
    () => undefined,
  );
  return path.join(folder, 'bin');
}

function giveTo(folder: string, { owner }: Account): void {
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
}
