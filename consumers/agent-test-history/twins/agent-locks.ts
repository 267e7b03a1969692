import { PlainArray } from '../../../lib/array-parameter.ts';
import type { Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';

/**
 * Locks the agents. It is a statement of its own, so that the next statement sees what the last holder committed. The
 * locks are sorted, so that two transactions cannot deadlock. All agents share a thousand locks, because Postgres's
 * lock table is finite (6,400 places by default) and a batch may have rows of thousands of agents.
 */
const locking = (agents: string) => `
  WITH agent AS MATERIALIZED (${agents}),
  slot AS MATERIALIZED (SELECT DISTINCT abs(hashtext(agent_url) % 1024) AS slot FROM agent ORDER BY slot),
  held AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtext('history_cdc.agent'), slot) FROM slot)
  SELECT agent_url, (SELECT count(*) FROM held) AS held FROM agent`;
const LOCK_AGENTS = locking('SELECT agent_url FROM unnest($1::text[]) AS agent_url');
const LOCK_AGENTS_OF = locking(sqlFile(import.meta.url, './sql/agents-of.sql'));

/**
 * Locks agents. Until the end of the transaction, no other transaction of ours links or unlinks their runs. The
 * application's live path takes no lock of ours; the sweeper finds what it commits in the meantime.
 */
export async function lockAgents(client: Client, agentUrls: readonly string[]): Promise<void> {
  if (agentUrls.length > 0) await client.query(LOCK_AGENTS, [agentUrls]);
}

/** Legacy ids, and the contexts whose agents some of them may be matched for. */
export interface AgentsOf {
  readonly legacyIds: readonly string[];
  readonly contextIds: readonly string[];
}

/** Locks every agent for which the rows may be linked, before anything else is read. Returns the agents. */
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
