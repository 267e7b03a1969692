/**
 * The search for rows, shared by `history-cdc find` and the console. It reads the ledger only, so that it answers the same
 * after the legacy table was dropped, and shows the alias of a person who was forgotten.
 *
 * A page is found in one of two ways. First the newest rows are walked, a limited number of them: what is common is among
 * them. What is rarer is then found by the block range index over what the search names: 20 to 60 ms of CPU in Postgres at
 * 1,000,000 rows, and up to 140 ms after a bulk load, until autovacuum has summarised the new blocks (bench/FIND.md).
 * Parked rows are found from the quarantine, because they are few.
 * Pages go by the place of the last row, never by OFFSET.
 */
import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { Decision } from '../../consumers/agent-test-history/rule/outcome.ts';
import { cursorOf, type FoundRow, type Place } from './rows.ts';

const NEWEST = sqlFile(import.meta.url, './sql/newest.sql');
const SELECTED = sqlFile(import.meta.url, './sql/selected.sql');
const PARKED = sqlFile(import.meta.url, './sql/parked.sql');
const AGENTS_LIKE = sqlFile(import.meta.url, './sql/agents-like.sql');
const CANONICAL_URL = 'SELECT history_cdc.canonical_agent_url($1) AS agent_url';

const WALKED = 50_000;
/** An index scan per agent; for more of them, one pass over the table is faster. */
const AGENTS_BY_INDEX = 8;
const MOST_AGENTS = 1_000;

/** What a search names. What it does not name does not matter. */
export interface Wanted {
  /** The whole URL, in any spelling. */
  readonly agent?: string | undefined;
  /** A part of the URL. */
  readonly agentPart?: string | undefined;
  readonly organization?: string | undefined;
  readonly user?: string | undefined;
  readonly decision?: Decision | undefined;
  readonly reason?: string | undefined;
  /** Whether a record of the row waits in quarantine. */
  readonly parked?: boolean | undefined;
  /** The earliest start, and the time before which the run started. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

export interface FoundPage {
  readonly rows: readonly FoundRow[];
  /** Where the next page begins; null if this is the last one. */
  readonly next: string | null;
  /** The agents that a part of a URL, or another spelling, stands for; null if the search names no agent. */
  readonly agents: readonly string[] | null;
  /** What this answer does not cover. */
  readonly notes: readonly string[];
}

export interface PageWanted {
  readonly limit: number;
  readonly after?: Place | undefined;
}

const LOWEST_ID = '00000000-0000-0000-0000-000000000000';
const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

export async function findRows(canonical: Pool, wanted: Wanted, page: PageWanted): Promise<FoundPage> {
  return await inTransaction(canonical, async (client) => {
    const agents = await agentsOf(client, wanted);
    const notes = notesOf(wanted, agents);
    if (agents?.length === 0) return { rows: [], next: null, agents, notes };
    const found = await rowsOf(client, { wanted, agents, ...page });
    const rows = found.slice(0, page.limit);
    const last = rows.at(-1);
    const next =
      found.length > page.limit && last !== undefined
        ? cursorOf({ startedAt: last.started_at ?? '-infinity', legacyId: last.legacy_id ?? HIGHEST_ID })
        : null;
    return { rows: rows, next, agents, notes };
  });
}

async function agentsOf(client: Client, { agent, agentPart }: Wanted): Promise<string[] | null> {
  if (agent === undefined && agentPart === undefined) return null;
  const { rows } =
    agent === undefined
      ? await client.query<{ agent_url: string | null }>(AGENTS_LIKE, [agentPart, MOST_AGENTS + 1])
      : await client.query<{ agent_url: string | null }>(CANONICAL_URL, [agent]);
  return rows.flatMap(({ agent_url: url }) => url ?? []).slice(0, MOST_AGENTS);
}

function notesOf({ agent, agentPart }: Wanted, agents: readonly string[] | null): string[] {
  if (agent !== undefined)
    return agents?.length === 0 ? ['the given text names no agent: it is no valid agent URL'] : [];
  if (agentPart === undefined) return [];
  return [
    'an agent whose contexts were all deleted is not found by a part of its URL, only by the whole URL',
    ...(agents?.length === MOST_AGENTS
      ? [
          `more than ${String(MOST_AGENTS)} agents match; the answer covers the first ${String(MOST_AGENTS)} of them`,
        ]
      : []),
  ];
}

interface Asked extends PageWanted {
  readonly wanted: Wanted;
  readonly agents: readonly string[] | null;
}

async function rowsOf(client: Client, { wanted, agents, limit, after }: Asked): Promise<FoundRow[]> {
  const { organization, user, decision, reason, parked, from, to } = wanted;
  const start = earlier(after, to);
  const inLedger = [agents, organization, user, decision, reason].map((value) => value ?? null);
  const named = [...inLedger, parked ?? null];
  const isNamed = named.some((value) => value !== null);
  const earliest = from?.toISOString() ?? null;
  const place = [start.startedAt, start.legacyId];
  if (parked === true)
    return (await client.query<FoundRow>(PARKED, [...place, earliest, ...inLedger, limit + 1])).rows;
  const { rows: newest } = await client.query<FoundRow>(NEWEST, [
    ...place,
    isNamed ? WALKED : limit + 1,
    earliest,
    ...named,
    limit + 1,
  ]);
  if (newest.length > limit || !isNamed) return newest;
  await byIndex(client, agents?.length ?? 0);
  return (await client.query<FoundRow>(SELECTED, [...place, earliest, ...named, limit + 1])).rows;
}

/**
 * The planner knows no correlation between blocks and values, and would read the whole table: 300 ms at 1,000,000 rows where
 * the index takes 15.
 */
async function byIndex(client: Client, agents: number): Promise<void> {
  if (agents > AGENTS_BY_INDEX) return;
  await client.query('SET LOCAL enable_seqscan = off; SET LOCAL max_parallel_workers_per_gather = 0');
}

/** The place after which the page begins: the given one, or the end of the time range if that is earlier. */
function earlier(after: Place | undefined, to: Date | undefined): Place {
  if (after !== undefined) return after;
  return to === undefined
    ? { startedAt: 'infinity', legacyId: HIGHEST_ID }
    : { startedAt: to.toISOString(), legacyId: LOWEST_ID };
}
