import path from 'node:path';
import pg from 'pg';
import { chooseAccount } from './account.ts';
import { installPostgres } from './postgres-binaries.ts';
import { prepareData } from './postgres-data.ts';
import { secureSettings } from './postgres-secure.ts';
import type { LaunchCommand } from './process.ts';
import { serverEnvironment, type Server, type StartContext } from './server.ts';
import { addressesOf, DATABASE, ROLES, type StackState } from './state.ts';

export const postgres: Server = {
  name: 'postgres',
  title: 'Postgres',
  startWithinMs: 180_000,
  // Fast shutdown: it ends all sessions, and the next start needs no recovery. SIGTERM would wait until every client
  // has left.
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
  const binaries = await installPostgres(context);
  const base = { cwd: context.instance.folder, env: serverEnvironment(context.environment) };
  const data = path.join(context.instance.folder, 'postgres');
  // This looks for the binaries as Postgres does at its start, and changes nothing.
  const account = chooseAccount({ ...base, file: binaries.initdb, args: ['--show', '-D', data] });
  await prepareData({ ...context, binaries, account, data });
  const args = [
    '-D',
    data,
    ...Object.entries({ ...settings(context.state), ...secureSettings(context, account) }).flatMap(
      ([name, value]) => ['-c', `${name}=${value}`],
    ),
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
    // No Unix socket: its path may have at most 107 bytes, and the path of a checkout can be longer.
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '256MB',
    wal_level: 'logical',
    max_wal_senders: '30',
    max_replication_slots: '30',
    // This limit keeps a slot that nobody reads from filling the disk.
    max_slot_wal_keep_size: '2GB',
    max_wal_size: '2GB',
    // The measured latency begins at the commit's time.
    track_commit_timestamp: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    ...durability,
  };
}

async function asSuperuser<T>(state: StackState, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: addressesOf(state).superuserUrl,
    connectionTimeoutMillis: 5000,
    application_name: 'history-cdc stack',
  });
  // If the server dies while we are connected, this process must not end. The running query reports the error.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Creates the roles with their passwords, and the application's database, which belongs to an ordinary role. */
async function furnish(client: pg.Client, { passwords, secure }: StackState): Promise<void> {
  await ensureRole(client, { name: ROLES.app, rights: 'LOGIN', password: passwords.app });
  await ensureRole(client, {
    name: ROLES.connector,
    rights: 'LOGIN REPLICATION',
    password: passwords.connector,
  });
  if (secure !== undefined) {
    const password = secure.passwords.projector;
    await ensureRole(client, { name: ROLES.projector, rights: 'LOGIN', password });
  }
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
