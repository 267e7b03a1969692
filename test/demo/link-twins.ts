import type { Pool } from '../../consumers/lib/postgres.ts';

/** What the projector will do by itself once it matches twins: stands in for it, from the demo's own notes. */
export async function linkTwins(pool: Pool): Promise<void> {
  await pool.query(`
    DELETE FROM agent_compliance_runs r USING demo.expected e
    WHERE e.live_run_id IS NOT NULL AND r.observations_json ->> 'backfill_script' = 'history-cdc'
      AND r.observations_json ->> 'backfill_source_id' = e.legacy_id::text`);
  await pool.query(`
    UPDATE history_cdc.ledger l SET decision = 'twin', reason = 'live_twin', canonical_run_id = e.live_run_id
    FROM demo.expected e WHERE e.legacy_id = l.legacy_id AND e.live_run_id IS NOT NULL`);
  await pool.query(`
    UPDATE history_cdc.ledger l SET reason = 'weak_fingerprint'
    FROM demo.expected e WHERE e.legacy_id = l.legacy_id AND e.path = 'unknown'`);
}
