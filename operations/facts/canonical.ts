import { assertMigrated, PROJECTOR_RIGHTS } from '../../consumers/agent-test-history/schema/migrate.ts';
import {
  CANONICAL_TABLES,
  canonicalObstacles,
  missingColumns,
  serverProblems,
} from '../../consumers/agent-test-history/schema/requirements.ts';
import { FatalError } from '../../lib/errors.ts';
import { type Client, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { askFacts, certain, ifMigrated } from './postgres.ts';
import { readMissingRights, readRoleRights, type MissingRight, type Right, type RoleRights } from './role.ts';

export interface CanonicalFacts {
  readonly inRecovery: boolean;
  /** False where each transaction begins as one that only reads. */
  readonly mayWrite: boolean;
  /** Its age and encoding, as a sentence names what is wrong. */
  readonly serverProblems: readonly string[];
  /** Tables and columns of the application, as a sentence names them. */
  readonly missing: readonly string[];
  /** What keeps every row of ours out of the canonical table. */
  readonly obstacles: readonly string[];
  /** An index that finds the runs of an agent by time. */
  readonly runsByAgent: boolean;
}

/** `absent`: there is no schema of ours; `outdated` and `foreign` with the sentence that `migrate` says. */
export type LedgerSchema =
  | { readonly kind: 'absent' | 'current' }
  | { readonly kind: 'outdated' | 'foreign'; readonly why: string; readonly wayOut: string };

export interface ProjectorRole {
  /** Whether the schema history_cdc is there. */
  readonly schemaThere: boolean;
  /** On single tables and columns. */
  readonly missing: readonly MissingRight[];
  /** On the whole schema history_cdc, as GRANT names them: `EXECUTE ON FUNCTION …`. */
  readonly missingOnSchema: readonly string[];
  readonly rights: RoleRights;
}

export interface ProjectionFacts {
  /** In the order in which they were accepted: the ledger belongs to the last one. */
  readonly topics: readonly {
    readonly topicId: string;
    readonly name: string;
    readonly partitions: number;
  }[];
  readonly offsets: readonly ProjectedOffset[];
}

/** How far a partition is projected. */
export interface ProjectedOffset {
  readonly topicId: string;
  readonly partition: number;
  readonly nextOffset: string;
  /** Which one claimed the partition last, as `host:pid`. */
  readonly projector?: string;
  /** The batch that lies before the offset, as `formatBatch` writes it; null where it is not known. */
  readonly lastBatch?: string | null;
  /** Since the offset moved, or since the first claim, by the clock of Postgres alone. */
  readonly secondsAgo: number;
}

const RUNS_BY_AGENT = `
  SELECT pg_is_in_recovery() AS in_recovery, NOT current_setting('default_transaction_read_only')::boolean AS may_write, EXISTS (
    SELECT FROM pg_index i
    JOIN pg_attribute first ON first.attrelid = i.indrelid AND first.attnum = i.indkey[0] AND first.attname = 'agent_url'
    JOIN pg_attribute second ON second.attrelid = i.indrelid AND second.attnum = i.indkey[1] AND second.attname = 'tested_at'
    WHERE i.indrelid = to_regclass('public.agent_compliance_runs') AND i.indisvalid AND i.indpred IS NULL) AS runs_by_agent`;

export async function readCanonical(client: Client): Promise<CanonicalFacts> {
  const { rows } = await client.query<{ in_recovery: boolean; may_write: boolean; runs_by_agent: boolean }>(
    RUNS_BY_AGENT,
  );
  const { in_recovery: inRecovery, may_write: mayWrite, runs_by_agent: runsByAgent } = certain(rows[0]);
  return {
    inRecovery,
    mayWrite,
    runsByAgent,
    serverProblems: await serverProblems(client),
    missing: await missingColumns(client, CANONICAL_TABLES),
    obstacles: await canonicalObstacles(client),
  };
}

export async function readLedgerSchema(pool: Pool): Promise<LedgerSchema> {
  const { rows } = await pool.query<{ there: boolean }>(
    // By the catalogue: to_regclass would demand USAGE on the schema.
    "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'history_cdc') AS there",
  );
  if (!certain(rows[0]).there) return { kind: 'absent' };
  try {
    await assertMigrated(pool);
    return { kind: 'current' };
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    const { code, message: why, wayOut } = error;
    return { kind: code === 'SCHEMA_NOT_MIGRATED' ? 'outdated' : 'foreign', why, wayOut };
  }
}

/** Unique keys that keep a run from being recorded twice; each with the statement that makes it. */
export const UNIQUE_KEYS = {
  'history_cdc.ledger (legacy_id)': 'ALTER TABLE history_cdc.ledger ADD PRIMARY KEY (legacy_id);',
  'history_cdc.ledger (canonical_run_id)':
    'ALTER TABLE history_cdc.ledger ADD CONSTRAINT ledger_canonical_run_id_key UNIQUE (canonical_run_id) DEFERRABLE INITIALLY IMMEDIATE;',
  'history_cdc.topic (topic_id)': 'ALTER TABLE history_cdc.topic ADD PRIMARY KEY (topic_id);',
  'history_cdc.consumer_offset (partition, topic_id)':
    'ALTER TABLE history_cdc.consumer_offset ADD PRIMARY KEY (topic_id, partition);',
  'history_cdc.quarantine (offset, partition, topic_id)':
    'ALTER TABLE history_cdc.quarantine ADD UNIQUE (topic_id, partition, "offset");',
  'public.agent_compliance_runs (id)': 'ALTER TABLE public.agent_compliance_runs ADD PRIMARY KEY (id);',
} as const;
export type UniqueKey = keyof typeof UNIQUE_KEYS;

const PRESENT_KEYS = sqlFile(import.meta.url, './sql/unique-keys.sql');

/** Those of `UNIQUE_KEYS` that are not there. */
export async function readMissingKeys(client: Client): Promise<readonly UniqueKey[]> {
  const wanted = Object.keys(UNIQUE_KEYS) as UniqueKey[];
  const tables = [...new Set(wanted.map((key) => key.slice(0, key.indexOf(' '))))];
  const { rows } = await client.query<{ key: string }>(PRESENT_KEYS, [tables]);
  const present = new Set(rows.map(({ key }) => key));
  return wanted.filter((key) => !present.has(key));
}

const PROJECTION = sqlFile(import.meta.url, './sql/projection.sql');

/** Nothing, where there is no ledger yet. */
export async function readProjection(client: Client): Promise<ProjectionFacts> {
  const facts = await ifMigrated(async () =>
    certain(await askFacts<ProjectionFacts>(client, PROJECTION, [])),
  );
  return facts ?? { topics: [], offsets: [] };
}

const SCHEMA_RIGHTS = sqlFile(import.meta.url, './sql/schema-rights.sql');

/** The role of DATABASE_URL: what it lacks of what a projector needs, and all that it may. */
export async function readProjectorRole(client: Client): Promise<ProjectorRole> {
  const facts = await askFacts<{ role: string; schema: boolean; missing: string[] }>(
    client,
    SCHEMA_RIGHTS,
    [],
  );
  const { role, schema: schemaThere, missing: missingOnSchema } = certain(facts);
  return {
    schemaThere,
    missingOnSchema,
    missing: await readMissingRights(client, role, projectorNeeds()),
    rights: certain((await readRoleRights(client, role)) ?? undefined),
  };
}

/** SELECT on the columns that are read, by column, so that a role which may read no more has them all. */
function projectorNeeds(): Right[] {
  const reads = Object.entries(CANONICAL_TABLES).flatMap(([table, columns]) =>
    columns.map((column) => ({ place: `public.${table}`, column, privilege: 'SELECT' })),
  );
  const writes = [{ place: 'public.agent_compliance_runs', column: null, privilege: 'INSERT' }];
  const ours = Object.entries(PROJECTOR_RIGHTS).flatMap(([table, privileges]) =>
    privileges.map((privilege) => ({ place: `history_cdc.${table}`, column: null, privilege })),
  );
  return [...reads, ...writes, ...ours];
}
