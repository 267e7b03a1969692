import { FatalError } from '../../../lib/errors.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import type { Client } from '../../../lib/postgres.ts';
import { assertSeesWhole, hiddenRows, isByPolicy, rowsHidden } from '../../../lib/sees-whole.ts';

/** The columns that are read or written, and no others: the application's tables have many more. */
export const CANONICAL_TABLES = {
  agent_contexts: ['id', 'organization_id', 'agent_url'],
  member_profiles: ['workos_organization_id', 'agents'],
  organization_memberships: ['workos_user_id', 'workos_organization_id'],
  agent_registry_metadata: ['agent_url', 'lifecycle_stage', 'compliance_opt_out'],
  agent_compliance_runs: [
    'id',
    'agent_url',
    'lifecycle_stage',
    'overall_status',
    'headline',
    'total_duration_ms',
    'tested_at',
    'tracks_json',
    'tracks_passed',
    'tracks_failed',
    'tracks_skipped',
    'tracks_partial',
    'agent_profile_json',
    'observations_json',
    'triggered_by',
    'dry_run',
    'triggered_org_id',
  ],
} as const;

export const LEGACY_TABLES = {
  agent_test_history: [
    'id',
    'agent_context_id',
    'scenario',
    'overall_passed',
    'steps_passed',
    'steps_failed',
    'total_duration_ms',
    'summary',
    'dry_run',
    'user_id',
    'agent_profile_json',
    'started_at',
    'steps_json',
  ],
} as const;

const placesOf = (tables: object) => Object.keys(tables).map((table) => `public.${table}`);
export const CANONICAL_READS = placesOf(CANONICAL_TABLES);
export const LEGACY_READS = placesOf(LEGACY_TABLES);

/**
 * Throws if a database may hide rows (row-level security, a standby, a view), because decisions and verdicts need all
 * rows.
 */
export async function assertBothWhole(canonical: Client, legacy: Client): Promise<void> {
  await assertSeesWhole(canonical, CANONICAL_READS, 'DATABASE_URL');
  await assertSeesWhole(legacy, LEGACY_READS, 'LEGACY_DATABASE_URL');
}

/** Columns of the legacy table that nothing of ours reads when they have another type, and the types that it reads. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  overall_passed: ['boolean'],
  steps_passed: ['integer', 'smallint'],
  steps_failed: ['integer', 'smallint'],
  total_duration_ms: ['integer', 'smallint'],
  dry_run: ['boolean'],
  started_at: ['timestamp with time zone'],
};

/** The type of a domain is the type below it, as Debezium reads it. */
const PRESENT_COLUMNS = `
  SELECT c.relname AS table_name,
         json_object_agg(a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL)) AS columns
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v') AND c.relname = ANY ($1::text[])
  GROUP BY c.relname`;

const SERVER = `
  SELECT current_setting('server_version_num')::integer AS version, current_setting('server_encoding') AS encoding,
         current_setting('server_version') AS version_text`;

/** sha256, SQL-bodied functions, and an infinite `extract(epoch …)`. */
const OLDEST_POSTGRES = 140_000;

/** Throws one `DATABASE_UNFIT` that names everything that is missing. */
export async function assertFit(
  client: Client,
  tables: Readonly<Record<string, readonly string[]>>,
  setting: string,
): Promise<void> {
  const problems = [...(await serverProblems(client)), ...(await missingColumns(client, tables))];
  if (problems.length === 0) {
    // Policies are nothing to this role: it reads no row of these tables.
    const hidden = await hiddenRows(client, placesOf(tables));
    const notTables = hidden.filter(({ why }) => !isByPolicy(why));
    if (notTables.length > 0) throw rowsHidden(notTables);
    return;
  }
  throw new FatalError({
    code: 'DATABASE_UNFIT',
    message: `the database of ${setting} lacks what is needed:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    wayOut: `check that ${setting} names the application's database; nothing was changed in it`,
  });
}

/** Why the server is not fit, one phrase each. */
export async function serverProblems(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ version: number; encoding: string; version_text: string }>(SERVER);
  return rows.flatMap(({ version, encoding, version_text }) => [
    ...(version < OLDEST_POSTGRES ? [`Postgres 14 or later; this is ${version_text}`] : []),
    ...(encoding !== 'UTF8' ? [`the encoding UTF8; this database has ${encoding}`] : []),
  ]);
}

const CANONICAL_OBSTACLES = sqlFile(import.meta.url, './sql/canonical-obstacles.sql');

/** What keeps every row of ours out of the canonical table, one phrase each: without it, each would be parked. */
export async function canonicalObstacles(client: Client): Promise<string[]> {
  const written = CANONICAL_TABLES.agent_compliance_runs;
  const { rows } = await client.query<{ obstacle: string }>(CANONICAL_OBSTACLES, [written]);
  return rows.map(({ obstacle }) => obstacle);
}

/** Refuses to project into a canonical table that takes no row of ours. */
export async function assertTakesRuns(client: Client): Promise<void> {
  const obstacles = await canonicalObstacles(client);
  if (obstacles.length === 0) return;
  throw new FatalError({
    code: 'DATABASE_UNFIT',
    message: `the canonical table takes no row of ours:\n${obstacles.map((obstacle) => `  - ${obstacle}`).join('\n')}`,
    wayOut:
      'change the table; docs/architecture.md ("The application\u2019s keys, triggers and tables") says what it may have',
  });
}

/** The tables and columns that are not there, or that have a type that is not read, one phrase each. */
export async function missingColumns(
  client: Client,
  tables: Readonly<Record<string, readonly string[]>>,
): Promise<string[]> {
  const { rows } = await client.query<{ table_name: string; columns: Readonly<Record<string, string>> }>(
    PRESENT_COLUMNS,
    [Object.keys(tables)],
  );
  const present = new Map(rows.map(({ table_name, columns }) => [table_name, columns]));
  return Object.entries(tables).flatMap(([table, columns]) => {
    const found = present.get(table);
    if (found === undefined) return [`table public.${table}`];
    return columns.flatMap((column) => {
      const place = `column public.${table}.${column}`;
      const type = found[column];
      if (type === undefined) return [place];
      const read = table in LEGACY_TABLES ? TYPES[column] : undefined;
      return read === undefined || read.includes(type)
        ? []
        : [`${place} as ${read.join(' or ')} (it is ${type})`];
    });
  });
}
