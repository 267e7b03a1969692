import { inTransaction, type Pool } from '../../../lib/postgres.ts';

/** The script wrote the legacy id as text; what is no UUID stands for no legacy row. */
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
 * Finds what the earlier backfill script copied, by one scan of the canonical table: no index finds it row by row,
 * and a look-up that scans for each batch is what made the script slow. Returns how many copies are new.
 */
export async function findScriptCopies(canonical: Pool): Promise<number> {
  return await inTransaction(canonical, async (client) => {
    // The scan of a large table may outlive the bound of an ordinary statement.
    await client.query("SET LOCAL statement_timeout = '15min'");
    return (await client.query(FIND_SCRIPT_COPIES)).rowCount ?? 0;
  });
}
