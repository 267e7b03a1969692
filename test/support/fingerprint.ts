import type { Pool } from '../../consumers/lib/postgres.ts';

/** Rows as text, each under `table:key`. Two are equal where no row differs in a byte. */
export type RowTexts = Readonly<Record<string, string>>;

/** xmin goes with the row: one that was rewritten with the same values is not the same. */
const textsOf = (table: string, key: string, where = 'true') => `
  SELECT '${table}:' || ${key} AS name, t.xmin::text || ' ' || t::text AS text FROM ${table} t WHERE ${where}`;

const APPLICATION_BUT_RUNS = [
  textsOf('public.agent_contexts', 't.id'),
  textsOf('public.agent_test_history', 't.id'),
  textsOf('public.member_profiles', 't.id'),
  textsOf('public.organization_memberships', 't.id'),
  textsOf('public.agent_registry_metadata', 't.agent_url'),
  textsOf('public.agent_compliance_status', 't.agent_url'),
  textsOf('public.agent_compliance_step_diagnostics', 't.id'),
];

const EVERYTHING = [
  ...APPLICATION_BUT_RUNS,
  textsOf('public.agent_compliance_runs', 't.id'),
  textsOf('history_cdc.ledger', 't.legacy_id'),
  textsOf('history_cdc.quarantine', 't.id'),
  textsOf('history_cdc.script_copy', 't.canonical_run_id'),
  textsOf('history_cdc.topic', 't.topic_id'),
].join(' UNION ALL ');

const BYSTANDERS = [
  ...APPLICATION_BUT_RUNS,
  textsOf('public.agent_compliance_runs', 't.id', 't.id <> ALL ($1::uuid[])'),
  textsOf('history_cdc.ledger', 't.legacy_id', 't.legacy_id <> ALL ($2::uuid[])'),
  textsOf('history_cdc.script_copy', 't.canonical_run_id'),
].join(' UNION ALL ');

/** Every row that a projection could touch; positions of partitions aside. */
export async function everything(pool: Pool): Promise<RowTexts> {
  return await collect(pool, EVERYTHING, []);
}

/** Every row that these legacy rows have no business with: all but the canonical rows and decisions of their own. */
export async function bystanders(
  pool: Pool,
  own: { readonly legacyIds: readonly string[]; readonly runIds: readonly string[] },
): Promise<RowTexts> {
  return await collect(pool, BYSTANDERS, [own.runIds, own.legacyIds]);
}

async function collect(pool: Pool, sql: string, values: readonly unknown[]): Promise<RowTexts> {
  const { rows } = await pool.query<{ name: string; text: string }>(sql, [...values]);
  return Object.fromEntries(rows.map(({ name, text }) => [name, text]));
}
