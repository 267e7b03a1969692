import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { chooseAccount, type Account } from './account.ts';
import { installPostgres, type PostgresBinaries } from './postgres-binaries.ts';
import { identityOf, type LaunchCommand } from './process.ts';
import { serverEnvironment, type Server, type StartContext } from './server.ts';
import { addressesOf, DATABASE, ROLES, type StackState } from './state.ts';
import { FatalError } from '../consumers/lib/errors.ts';

export const postgres: Server = {
  name: 'postgres',
  title: 'Postgres',
  startWithinMs: 60_000,
  // "Fast": ends sessions and leaves no recovery for the next start. SIGTERM would wait for every client to go.
  stopSignal: 'SIGINT',
  after: [],
  prepare,
  probe: async (state) => {
    await asSuperuser(state, (client) => client.query('SELECT 1'));
  },
  furnish: async (state) => {
    await asSuperuser(state, (client) => furnish(client, state));
  },
};

async function prepare(context: StartContext): Promise<LaunchCommand> {
  const binaries = installPostgres(context.environment);
  const base = { cwd: context.instance.folder, env: serverEnvironment(context.environment) };
  const account = chooseAccount({ ...base, file: binaries.postgres, args: ['--version'] });
  const data = path.join(context.instance.folder, 'postgres');
  if (!existsSync(data)) await initialise({ ...context, binaries, account, data });
  removeForeignPidFile(data);
  const args = [
    '-D',
    data,
    ...Object.entries(settings(context.state)).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  return account.as({ ...base, file: binaries.postgres, args });
}

function settings({ ports, unsafeFast }: StackState): Record<string, string> {
  const durability: Record<string, string> = unsafeFast
    ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
    : {};
  return {
    port: String(ports.postgres),
    listen_addresses: '127.0.0.1',
    // No socket: a path may not be longer than 107 bytes, and a checkout can lie deeper than that.
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '256MB',
    wal_level: 'logical',
    max_wal_senders: '30',
    max_replication_slots: '30',
    // A slot that nobody reads must not fill the disk.
    max_slot_wal_keep_size: '2GB',
    max_wal_size: '2GB',
    // Commit times are what latency is measured from.
    track_commit_timestamp: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    ...durability,
  };
}

interface Initialisation extends StartContext {
  readonly binaries: PostgresBinaries;
  readonly account: Account;
  readonly data: string;
}

/** Fills a folder beside the real one and renames it: a data folder that exists is a complete one. */
async function initialise({
  instance,
  state,
  environment,
  binaries,
  account,
  data,
}: Initialisation): Promise<void> {
  const fresh = `${data}.new`;
  const passwordFile = path.join(instance.folder, 'initdb-password');
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  writeFileSync(passwordFile, state.passwords.superuser, { mode: 0o600 });
  try {
    for (const entry of [fresh, passwordFile]) {
      if (account.owner !== undefined) chownSync(entry, account.owner.uid, account.owner.gid);
    }
    const args = [
      `--pgdata=${fresh}`,
      `--username=${ROLES.superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The same order of text on every machine, whatever its C library.
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-instructions',
      ...(state.unsafeFast ? ['--no-sync'] : []),
    ];
    const env = serverEnvironment(environment);
    await runToEnd(account.as({ file: binaries.initdb, args, cwd: instance.folder, env }));
    renameSync(fresh, data);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function runToEnd(command: LaunchCommand): Promise<void> {
  const child = spawn(command.file, [...command.args], { ...command, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status === 0) return;
  throw new FatalError({
    code: 'STACK_SERVER_FAILED',
    message: `initdb failed:\n${complaint.trim()}`,
    wayOut: 'mend what initdb names and run it again',
  });
}

/**
 * After a crash Postgres takes the pid in its postmaster.pid for itself and refuses to start when another process
 * has that number by now. Nobody serves this folder when we get here (its own pid file says so), so the file goes.
 * Where the number is free it stays: Postgres then also checks that no orphan of the old server is still at work.
 */
function removeForeignPidFile(data: string): void {
  const file = path.join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  if (identityOf(pid) !== undefined) rmSync(file);
}

async function asSuperuser<T>(state: StackState, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: addressesOf(state).superuserUrl,
    connectionTimeoutMillis: 5000,
    application_name: 'history-cdc stack',
  });
  // A server that dies while we are connected must not end this process: the query in flight says it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The roles with their passwords, and the database of the application, owned by an ordinary role. */
async function furnish(client: pg.Client, { passwords }: StackState): Promise<void> {
  await ensureRole(client, { name: ROLES.app, rights: 'LOGIN', password: passwords.app });
  await ensureRole(client, {
    name: ROLES.connector,
    rights: 'LOGIN REPLICATION',
    password: passwords.connector,
  });
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
  if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${ROLES.app}`);
}

async function ensureRole(
  client: pg.Client,
  role: { readonly name: string; readonly rights: string; readonly password: string },
): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role.name]);
  const verb = rowCount === 0 ? 'CREATE' : 'ALTER';
  await client.query(
    `${verb} ROLE ${role.name} ${role.rights} PASSWORD ${client.escapeLiteral(role.password)}`,
  );
}
