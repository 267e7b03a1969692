import type { Client } from '../../lib/postgres.ts';

/**
 * In a statement of its own: what the next one reads is then what the last holder committed. Sorted, so that two
 * transactions cannot wait for each other; and a thousand locks for all agents, because Postgres's lock table is
 * finite (6,400 places by default) and a batch may hold rows of thousands of agents.
 */
const LOCK_AGENTS = `
  WITH slot AS MATERIALIZED (
    SELECT DISTINCT abs(hashtext(agent_url) % 1024) AS slot FROM unnest($1::text[]) AS agent_url ORDER BY slot
  )
  SELECT pg_advisory_xact_lock(hashtext('history_cdc.agent'), slot) FROM slot`;

/**
 * Until the end of the transaction, nobody else links or unlinks runs of these agents. The application's live path
 * takes no lock of ours: what it commits meanwhile is found by the sweeper.
 */
export async function lockAgents(client: Client, agentUrls: readonly string[]): Promise<void> {
  if (agentUrls.length > 0) await client.query(LOCK_AGENTS, [agentUrls]);
}
