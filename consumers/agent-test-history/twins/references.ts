import type { Client } from '../../../lib/postgres.ts';

const REFERENCES = 'SELECT run_id, table_name FROM history_cdc.references_to_runs($1::uuid[])';

/**
 * Finds those of the canonical rows that another table refers to, with the name of that table. Locks the rows, so that
 * no new reference can appear until the end of the transaction.
 */
export async function referencesTo(
  client: Client,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ run_id: string; table_name: string }>(REFERENCES, [runIds]);
  return new Map(rows.map(({ run_id, table_name }) => [run_id, table_name]));
}
