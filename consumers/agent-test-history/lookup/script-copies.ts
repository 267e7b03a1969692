import { inTransaction, type Pool } from '../../../lib/postgres.ts';

/** The script wrote the legacy id as text. A text that is not a UUID belongs to no legacy row. */
export const FIND_SCRIPT_COPIES = `
  INSERT INTO history_cdc.script_copy (canonical_run_id, legacy_id)
  SELECT r.id, (r.observations_json ->> 'backfill_source_id')::uuid
  FROM public.agent_compliance_runs r
  WHERE r.triggered_by = 'owner_test'
    AND r.observations_json ->> 'backfill_source' = 'agent_test_history'
    AND r.observations_json ->> 'backfill_script' IS DISTINCT FROM 'history-cdc'
    AND r.observations_json ->> 'backfill_source_id' COLLATE "C" ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
  ON CONFLICT (canonical_run_id) DO NOTHING`;

/**
 * Finds the copies of the earlier backfill script with one scan of the canonical table. No index finds them row by row;
 * the script itself was slow because it scanned for every batch. Returns the number of new copies.
 */
export async function findScriptCopies(canonical: Pool): Promise<number> {
  return await inTransaction(canonical, async (client) => {
    // The scan of a large table may outlive the bound of an ordinary statement.
    await client.query("SET LOCAL statement_timeout = '15min'");
    return (await client.query(FIND_SCRIPT_COPIES)).rowCount ?? 0;
  });
}
