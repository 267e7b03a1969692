import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { FatalError, messageOf } from '../../../lib/errors.ts';
import { inTransaction, type Client, type Pool } from '../../../lib/postgres.ts';
import { sqlState } from '../../../lib/postgres-errors.ts';
import { takeTurn } from '../../../lib/retirement-turn.ts';

/** A numbered file of `migrations/`: `0001-ledger.sql`. Once released, it never changes. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

const DIRECTORY = new URL('./migrations/', import.meta.url);

const LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('history_cdc.migrate', 0))";
const BOOKKEEPING = `
  CREATE SCHEMA IF NOT EXISTS history_cdc;
  CREATE TABLE IF NOT EXISTS history_cdc.migration (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
  )`;
const APPLIED = 'SELECT version, name, sha256 FROM history_cdc.migration ORDER BY version';
const RECORD = 'INSERT INTO history_cdc.migration (version, name, sha256) VALUES ($1, $2, $3)';

export function readMigrations(): Migration[] {
  const files = readdirSync(DIRECTORY).filter((file) => file.endsWith('.sql'));
  return files.sort().map((file) => {
    const sql = readFileSync(new URL(file, DIRECTORY), 'utf8');
    return {
      version: Number.parseInt(file, 10),
      name: file,
      sql,
      sha256: createHash('sha256').update(sql).digest('hex'),
    };
  });
}

/** Applies what is not applied yet, all of it in one transaction, and returns it. Touches nothing outside its schema. */
export async function migrate(pool: Pool, grantTo: string | undefined): Promise<Migration[]> {
  try {
    return await inTransaction(pool, (client) => applyPending(client, grantTo));
  } catch (error) {
    throw refusal(error, grantTo) ?? error;
  }
}

async function applyPending(client: Client, grantTo: string | undefined): Promise<Migration[]> {
  await client.query(LOCK);
  // An upgrade may rewrite a ledger of millions of rows.
  await client.query("SET LOCAL statement_timeout = '1h'");
  await client.query(BOOKKEEPING);
  const pending = pendingOf(readMigrations(), await appliedMigrations(client));
  // A migration locks tables that an export may hold for hours, and everybody else would queue behind it.
  if (pending.length > 0) await takeTurn(client);
  for (const migration of pending) {
    await client.query(migration.sql);
    await client.query(RECORD, [migration.version, migration.name, migration.sha256]);
  }
  if (grantTo !== undefined) await grant(client, grantTo);
  return pending;
}

const INSUFFICIENT_PRIVILEGE = '42501';
const UNDEFINED_OBJECT = '42704';

/** What a person can mend about a failed migration; undefined for every other failure. */
function refusal(error: unknown, grantTo: string | undefined): FatalError | undefined {
  const state = sqlState(error);
  if (state === UNDEFINED_OBJECT && grantTo !== undefined) {
    return new FatalError({
      code: 'DATABASE_UNFIT',
      message: `there is no role ${grantTo} to grant anything to`,
      wayOut: 'create the role first, or leave --grant-to out; nothing was changed',
      cause: error,
    });
  }
  if (state !== INSUFFICIENT_PRIVILEGE) return undefined;
  return new FatalError({
    code: 'DATABASE_UNFIT',
    message: `the role of DATABASE_URL may not migrate: ${messageOf(error)}`,
    wayOut:
      'run `history-cdc migrate` as a role that owns the schema history_cdc, or has CREATE on the database; nothing was changed',
    cause: error,
  });
}

/** Refuses to work with a schema that is missing, older or newer than this release. */
export async function assertMigrated(pool: Pool): Promise<void> {
  const applied = await appliedMigrations(pool).catch((error: unknown) => {
    if (sqlState(error) === '42P01') return [];
    throw error;
  });
  const pending = pendingOf(readMigrations(), applied);
  if (pending.length === 0) return;
  throw new FatalError({
    code: 'SCHEMA_NOT_MIGRATED',
    message: `the schema history_cdc lacks ${pending.map(({ name }) => name).join(', ')}`,
    wayOut: 'run `history-cdc migrate`',
  });
}

type Applied = Pick<Migration, 'version' | 'name' | 'sha256'>;

async function appliedMigrations(client: Client): Promise<Applied[]> {
  return (await client.query<Applied>(APPLIED)).rows;
}

function pendingOf(known: readonly Migration[], applied: readonly Applied[]): Migration[] {
  for (const { version, name, sha256 } of applied) {
    const migration = known.find((candidate) => candidate.version === version);
    if (migration?.sha256 === sha256) continue;
    throw new FatalError({
      code: 'DATABASE_UNFIT',
      message:
        migration === undefined
          ? `the schema history_cdc has ${name}, which this release does not know`
          : `${name} was changed after it was applied`,
      wayOut: 'use the release that migrated this database, or a later one',
    });
  }
  const versions = new Set(applied.map(({ version }) => version));
  return known.filter(({ version }) => !versions.has(version));
}

/** What a projector writes in the schema, beside reading all of it and running its functions. */
export const PROJECTOR_RIGHTS: Readonly<Record<string, readonly string[]>> = {
  ledger: ['INSERT', 'UPDATE'],
  topic: ['INSERT', 'UPDATE'],
  consumer_offset: ['INSERT', 'UPDATE'],
  deciding_settings: ['INSERT', 'UPDATE'],
  quarantine: ['INSERT', 'UPDATE'],
  script_copy: ['INSERT', 'UPDATE'],
  unsettled_twin: ['INSERT', 'UPDATE', 'DELETE'],
  agent_spelling: ['INSERT', 'UPDATE'],
  undone: ['DELETE'],
  undo_fence: ['UPDATE'],
  key_change: ['INSERT', 'UPDATE'],
  reconcile_run: ['INSERT', 'UPDATE', 'DELETE'],
  reconcile_finding: ['INSERT', 'UPDATE', 'DELETE'],
  pruned: ['INSERT', 'UPDATE', 'DELETE'],
  truncated: ['INSERT'],
  source_identity: ['INSERT', 'UPDATE', 'DELETE'],
  gap: ['INSERT', 'UPDATE'],
  connector_restart: ['INSERT'],
  last_sweep: ['INSERT', 'UPDATE'],
  action: ['INSERT'],
  stage: ['INSERT'],
  incident: ['INSERT'],
  incident_event: ['INSERT'],
  attestation: ['INSERT'],
  archive: ['INSERT'],
  archive_event: ['INSERT'],
  mark: ['INSERT', 'DELETE'],
  verification: ['INSERT', 'UPDATE'],
  verification_pass: ['INSERT', 'DELETE'],
  legacy_write: ['INSERT', 'UPDATE'],
  legacy_reading: ['INSERT', 'UPDATE'],
  soak_look: ['INSERT', 'UPDATE'],
};

/** What a projector that is not the owner of the schema may do in it. */
async function grant(client: Client, role: string): Promise<void> {
  const { rows } = await client.query<{ role: string }>('SELECT quote_ident($1) AS role', [role]);
  const name = rows[0]?.role ?? '';
  const writes = Object.entries(PROJECTOR_RIGHTS).map(
    ([table, privileges]) => `GRANT ${privileges.join(', ')} ON history_cdc.${table} TO ${name}`,
  );
  await client.query(`
    GRANT USAGE ON SCHEMA history_cdc TO ${name};
    GRANT SELECT ON ALL TABLES IN SCHEMA history_cdc TO ${name};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA history_cdc TO ${name};
    ${writes.join('; ')}`);
}
