import { PlainArray } from '../../../lib/array-parameter.ts';
import type { Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';

/**
 * In a statement of its own: what the next one reads is then what the last holder committed. Sorted, so that two
 * transactions cannot wait for each other; and a thousand locks for all agents, because Postgres's lock table is
 * finite (6,400 places by default) and a batch may hold rows of thousands of agents.
 */
const locking = (agents: string) => `
  WITH agent AS MATERIALIZED (${agents}),
  slot AS MATERIALIZED (SELECT DISTINCT abs(hashtext(agent_url) % 1024) AS slot FROM agent ORDER BY slot),
  held AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtext('history_cdc.agent'), slot) FROM slot)
  SELECT agent_url, (SELECT count(*) FROM held) AS held FROM agent`;
const LOCK_AGENTS = locking('SELECT agent_url FROM unnest($1::text[]) AS agent_url');
const LOCK_AGENTS_OF = locking(sqlFile(import.meta.url, './sql/agents-of.sql'));

/**
 * Until the end of the transaction, nobody else links or unlinks runs of these agents. The application's live path
 * takes no lock of ours: what it commits meanwhile is found by the sweeper.
 */
export async function lockAgents(client: Client, agentUrls: readonly string[]): Promise<void> {
  if (agentUrls.length > 0) await client.query(LOCK_AGENTS, [agentUrls]);
}

/** Rows by their ids, and the contexts at which some of them may be matched. */
export interface AgentsOf {
  readonly legacyIds: readonly string[];
  readonly contextIds: readonly string[];
}

/** Locks every agent that the rows may be linked at, before anything else is known of them; gives the agents. */
export async function lockAgentsOf(
  client: Client,
  { legacyIds, contextIds }: AgentsOf,
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ agent_url: string }>(LOCK_AGENTS_OF, [
    new PlainArray(legacyIds),
    new PlainArray([...new Set(contextIds)]),
  ]);
  return new Set(rows.map(({ agent_url }) => agent_url));
}
