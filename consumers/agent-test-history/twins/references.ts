import type { Client } from '../../../lib/postgres.ts';

const REFERENCES = 'SELECT run_id, table_name FROM history_cdc.references_to_runs($1::uuid[])';

/**
 * Which of these canonical rows something refers to, and the table that does. Until the end of the transaction nobody
 * can begin to refer to one of them.
 */
export async function referencesTo(
  client: Client,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ run_id: string; table_name: string }>(REFERENCES, [runIds]);
  return new Map(rows.map(({ run_id, table_name }) => [run_id, table_name]));
}
