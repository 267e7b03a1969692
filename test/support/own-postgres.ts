import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { chooseAccount, type Account } from '../../stack/account.ts';
import { pickPort } from '../../stack/ports.ts';
import { installPostgres, installPostgresOf } from '../../stack/postgres-binaries.ts';
import { until } from './until.ts';
import { serverEnvironment } from '../../stack/server.ts';
import { stateFolder } from '../../stack/state-folder.ts';

export interface OwnPostgresOptions {
  /** 14 is the oldest that is supported; `newest` is that of the local stack. */
  readonly version?: 14 | 'newest';
  /** Settings of the server beside those that every one of them has. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A Postgres server of a test's own, with the database `app` of an ordinary role `app`. Every role logs in without a password. */
export class OwnPostgres {
  readonly #folder: string;
  readonly #server: ChildProcess;
  readonly #port: number;

  private constructor(folder: string, server: ChildProcess, port: number) {
    this.#folder = folder;
    this.#server = server;
    this.#port = port;
  }

  static async start({ version = 14, settings = {} }: OwnPostgresOptions = {}): Promise<OwnPostgres> {
    const programs = await install(version);
    const folder = mkdtempSync(path.join(tmpdir(), `postgres-${String(version)}-`));
    const base = { cwd: folder, env: serverEnvironment(process.env) };
    const data = path.join(folder, 'data');
    const account = chooseAccount({ ...base, file: path.join(programs, 'initdb'), args: ['--version'] });
    giveTo(folder, account);
    const initdb = account.as({
      ...base,
      file: path.join(programs, 'initdb'),
      args: ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    });
    execFileSync(initdb.file, [...initdb.args], { ...initdb, stdio: 'ignore' });
    const port = await pickPort(new Set());
    const given = { ...SETTINGS, port: String(port), ...settings };
    const { file, args, ...how } = account.as({
      ...base,
      file: path.join(programs, 'postgres'),
      args: ['-D', data, ...Object.entries(given).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    });
    const own = new OwnPostgres(folder, spawn(file, [...args], { ...how, stdio: 'ignore' }), port);
    await until('the Postgres of the test answers', () => own.#furnish());
    return own;
  }

  urlOf(role: string, database = 'app'): string {
    return `postgresql://${role}@127.0.0.1:${String(this.#port)}/${database}`;
  }

  async #furnish(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.urlOf('postgres', 'postgres') });
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

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  wal_level: 'logical',
  max_slot_wal_keep_size: '1GB',
  max_connections: '200',
  max_wal_senders: '30',
  max_replication_slots: '30',
  track_commit_timestamp: 'on',
  fsync: 'off',
  timezone: 'UTC',
};

/** Settings of a command that starts a Postgres of its own: the programs are there already, and no stack lends its addresses. */
export const FETCHED_POSTGRES = {
  HISTORY_CDC_STATE_DIR: stateFolder(process.env),
  HISTORY_CDC_STACK: 'of-nobody',
};

/** The folder of the server's programs; they are fetched and unpacked on first use. */
async function install(version: 14 | 'newest'): Promise<string> {
  const context = { environment: process.env, onProgress: () => undefined };
  const programs = version === 14 ? installPostgresOf('14.22.0', context) : installPostgres(context);
  return path.dirname((await programs).postgres);
}

function giveTo(folder: string, { owner }: Account): void {
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
}
