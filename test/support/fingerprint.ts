import type { Pool } from '../../lib/postgres.ts';

/** Rows as text, each under `table:key`. Two are equal where no row differs in a byte. */
export type RowTexts = Readonly<Record<string, string>>;

/** xmin goes with the row: one that was rewritten with the same values is not the same. */
const textsOf = (table: string, key: string, where = 'true') => `
  SELECT '${table}:' || ${key} AS name, t.xmin::text || ' ' || t::text AS text FROM ${table} t WHERE ${where}`;

const EVERYTHING = [
  textsOf('public.agent_contexts', 't.id'),
  textsOf('public.agent_test_history', 't.id'),
  textsOf('public.member_profiles', 't.id'),
  textsOf('public.organization_memberships', 't.id'),
  textsOf('public.agent_registry_metadata', 't.agent_url'),
  textsOf('public.agent_compliance_status', 't.agent_url'),
  textsOf('public.agent_compliance_step_diagnostics', 't.id'),
  textsOf('public.agent_compliance_runs', 't.id'),
  textsOf('history_cdc.ledger', 't.legacy_id'),
  textsOf('history_cdc.quarantine', 't.id'),
  textsOf('history_cdc.script_copy', 't.canonical_run_id'),
  textsOf('history_cdc.unsettled_twin', 't.legacy_id'),
  textsOf('history_cdc.undone', 't.legacy_id'),
  textsOf('history_cdc.key_change', "t.old_id || ' ' || t.new_id"),
  textsOf('history_cdc.topic', 't.topic_id'),
  textsOf('history_cdc.consumer_offset', 't.partition'),
].join(' UNION ALL ');

/** Every row that a projection could touch. */
export async function everything(pool: Pool): Promise<RowTexts> {
  const { rows } = await pool.query<{ name: string; text: string }>(EVERYTHING);
  return Object.fromEntries(rows.map(({ name, text }) => [name, text]));
}

/** The rows that these legacy rows have no business with: all but their own decisions, canonical rows, parked records and offsets. */
export function bystandersOf(
  rows: RowTexts,
  own: { readonly legacyIds: readonly string[]; readonly runIds: readonly string[] },
): RowTexts {
  const names = new Set([
    ...own.legacyIds.map((id) => `history_cdc.ledger:${id}`),
    ...own.runIds.map((id) => `public.agent_compliance_runs:${id}`),
  ]);
  const isOwn = (name: string) =>
    names.has(name) ||
    /^history_cdc.(quarantine|consumer_offset|unsettled_twin|undone|key_change):/.test(name);
  return Object.fromEntries(Object.entries(rows).filter(([name]) => !isOwn(name)));
}
