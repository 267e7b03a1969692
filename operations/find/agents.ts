/** Agents and their history, as the console shows them. Reads only the canonical database. */
import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

const AGENTS = sqlFile(import.meta.url, './sql/agents.sql');
const AGENT = sqlFile(import.meta.url, './sql/agent.sql');
const VERDICT = sqlFile(import.meta.url, './sql/agent-verdict.sql');
const RUNS = sqlFile(import.meta.url, './sql/agent-runs.sql');

export interface FoundAgent {
  /** As the canonical tables spell it; null where the stored text names no agent. */
  readonly agentUrl: string | null;
  readonly stored: string;
  readonly organizations: readonly string[] | null;
  /** As Postgres writes it, in UTC; null where the agent has no canonical run. */
  readonly newestAt: string | null;
  readonly newestStatus: string | null;
}

/** A page of a list. `next` is the place after which the next page begins; null on the last page. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** Agents by a part of their URL, by the id of an organisation, or by the id of a user of an organisation. */
export async function findAgents(
  client: Client,
  { text, after = '', limit }: { text: string; after?: string | undefined; limit: number },
): Promise<ListPage<FoundAgent>> {
  const { rows } = await client.query<FoundAgent>(AGENTS, [text, after, limit]);
  // Several spellings of one agent are one row, so a page with fewer rows than its limit may not be the last one.
  return { items: rows, next: rows.length === 0 ? null : (rows.at(-1)?.stored ?? null) };
}

export interface Agent {
  readonly agentUrl: string;
  readonly organizations: readonly string[];
}

/** Undefined where the text names no agent: it is empty, or has a space, a control character or `*` in it. */
export async function readAgent(client: Client, url: string): Promise<Agent | undefined> {
  const { rows } = await client.query<Agent & { agentUrl: string | null }>(AGENT, [url]);
  const [agent] = rows;
  return agent?.agentUrl == null ? undefined : agent;
}

/** The current verdict of an agent, by the application. Projected rows never change it. */
export interface AgentVerdict {
  readonly status: string;
  readonly checkedAt: string | null;
  readonly headline: string | null;
  readonly streakDays: number;
}

/** Null where the application keeps no verdict of the agent. The projector needs no right to this table, so a role may lack it. */
export async function readVerdict(client: Client, agentUrl: string): Promise<AgentVerdict | null> {
  return (await client.query<AgentVerdict>(VERDICT, [agentUrl])).rows[0] ?? null;
}

export interface AgentRun {
  readonly id: string;
  readonly testedAt: string;
  readonly status: string;
  readonly headline: string | null;
  readonly stage: string;
  readonly durationMs: number | null;
  readonly passed: number;
  readonly failed: number;
  readonly partial: number;
  readonly skipped: number;
  readonly triggeredBy: string;
  readonly dryRun: boolean;
  readonly organization: string | null;
  /** Of the legacy row that the ledger links to the run; null where it links none. */
  readonly decision: string | null;
  readonly reason: string | null;
  readonly legacyId: string | null;
  readonly legacyDeleted: boolean;
  /** Who wrote the run: the projector, the earlier script, the live path, or somebody else. */
  readonly whose: 'ours' | 'script' | 'live' | 'other';
}

const PLACE = /^(.+)~([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const NEWEST = { at: 'infinity', id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' };

/** The canonical runs of an agent, newest first. Undefined where `after` is no place that a page gave. */
export async function agentRuns(
  client: Client,
  { agentUrl, after, limit }: { agentUrl: string; after?: string | undefined; limit: number },
): Promise<ListPage<AgentRun> | undefined> {
  const place = after === undefined ? NEWEST : placeOf(after);
  if (place === undefined) return undefined;
  const { rows } = await client.query<AgentRun>(RUNS, [agentUrl, place.at, place.id, limit + 1]);
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  return { items, next: last === undefined ? null : `${last.testedAt}~${last.id}` };
}

/** Times come from Postgres, and go back to it as they came: a JavaScript date has no microseconds. */
const TIME = /^(?:-?infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?\+00(?: BC)?)$/;

function placeOf(after: string): { at: string; id: string } | undefined {
  const [, at = '', id = ''] = PLACE.exec(after) ?? [];
  return TIME.test(at) ? { at, id } : undefined;
}

/** Where a run comes from, in the words of the history panel. */
export type Provenance = 'live' | 'projected' | 'twin' | 'adopted' | 'copied' | 'unlinked' | 'other';

/**
 * What the ledger says, and where it says nothing, what the run says of itself. `unlinked` is a run that the projector wrote
 * and that no row of the ledger names: only a deletion from the ledger by hand leaves one behind.
 */
export function provenanceOf({ decision, whose }: Pick<AgentRun, 'decision' | 'whose'>): Provenance {
  if (decision === 'projected' || decision === 'twin' || decision === 'adopted') return decision;
  switch (whose) {
    case 'ours':
      return 'unlinked';
    case 'script':
      return 'copied';
    case 'live':
    case 'other':
      return whose;
  }
}
