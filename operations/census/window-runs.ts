import { textArray, PlainArray } from '../../lib/array-parameter.ts';
import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { OWNER } from '../../consumers/agent-test-history/rule/outcome.ts';
import { matchTwins } from '../../consumers/agent-test-history/twins/match-twin.ts';
import {
  LIVE_TWIN,
  OPTED_OUT,
  WEAK_FINGERPRINT,
} from '../../consumers/agent-test-history/twins/plan-links.ts';
import {
  legacyRunOf,
  liveRunOf,
  type LegacyRunRow,
  type LiveRunRow,
} from '../../consumers/agent-test-history/twins/run-rows.ts';
import { quarantinedFor, type Found, type Prediction, type Undecided } from './prediction.ts';

const HOLD = sqlFile(import.meta.url, './sql/hold-window-runs.sql');
const AGENTS = sqlFile(import.meta.url, './sql/agents.sql');
const WINDOW_RUNS = sqlFile(import.meta.url, './sql/window-runs.sql');
const LIVE_RUNS = sqlFile(import.meta.url, './sql/live-runs.sql');

/** The number of rows of both sides in memory at once, unless one agent alone has more. */
const ROWS_AT_ONCE = 20_000;

/**
 * Puts owners' runs near live rows aside, into tables on disk if there are many. The legacy table is read by id, but
 * matching needs the rows by agent.
 */
export async function holdWindowRuns(client: Client, undecided: readonly Undecided[]): Promise<void> {
  const runs = undecided.flatMap(({ prediction, refused, seed: { agentUrl, pending } }) =>
    pending === null ? [] : [{ prediction, refused, agentUrl, pending }],
  );
  if (runs.length === 0) return;
  await client.query(HOLD, [
    new PlainArray(runs.map(({ pending }) => pending.legacyId)),
    textArray(runs.map(({ agentUrl }) => agentUrl)),
    new PlainArray(runs.map(({ pending }) => pending.fingerprint)),
    new PlainArray(runs.map(({ pending }) => pending.profileHash)),
    textArray(runs.map(({ pending }) => pending.organizationId)),
    new PlainArray(runs.map(({ pending }) => pending.startedAtUs)),
    textArray(runs.map(({ prediction }) => prediction.decision)),
    new PlainArray(runs.map(({ prediction }) => prediction.expired)),
    new PlainArray(runs.map(({ prediction }) => prediction.found?.agentContextId ?? null)),
    textArray(runs.map(({ prediction }) => prediction.found?.userId ?? null)),
    new PlainArray(runs.map(({ prediction }) => prediction.found?.optedOut ?? null)),
    textArray(runs.map(({ refused }) => refused)),
  ]);
}

/** Matches these runs with the live rows, agent by agent, with the projector's own rule. */
export async function* matchWindowRuns(
  client: Client,
  windowUs: bigint,
): AsyncGenerator<readonly Prediction[]> {
  await client.query('ANALYZE history_cdc.window_run');
  for (const agentUrls of await agentsAtOnce(client)) {
    const { rows: runs } = await client.query<WindowRunRow>(WINDOW_RUNS, [agentUrls]);
    const { rows: lives } = await client.query<AgentsLiveRow>(LIVE_RUNS, [agentUrls]);
    const liveOf = byAgent(lives);
    for (const [agentUrl, ofAgent] of byAgent(runs))
      yield matched(ofAgent, liveOf.get(agentUrl) ?? [], windowUs);
  }
}

interface WindowRunRow extends LegacyRunRow {
  readonly agent_url: string;
  readonly otherwise: Prediction['decision'];
  readonly expired: boolean;
  readonly agent_context_id: string;
  readonly user_id: string;
  readonly opted_out: boolean;
  readonly refused: string | null;
}

type AgentsLiveRow = LiveRunRow & { readonly agent_url: string };

function byAgent<Row extends { readonly agent_url: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.agent_url);
    if (group === undefined) groups.set(row.agent_url, [row]);
    else group.push(row);
  }
  return groups;
}

async function agentsAtOnce(client: Client): Promise<string[][]> {
  const { rows } = await client.query<{ agent_url: string; rows: number }>(AGENTS);
  const groups: string[][] = [];
  let room = 0;
  for (const { agent_url, rows: count } of rows) {
    if (count > room) {
      groups.push([]);
      room = ROWS_AT_ONCE;
    }
    groups.at(-1)?.push(agent_url);
    room -= count;
  }
  return groups;
}

function matched(
  runs: readonly WindowRunRow[],
  lives: readonly LiveRunRow[],
  windowUs: bigint,
): Prediction[] {
  const rows = {
    legacy: runs.map(legacyRunOf),
    live: lives.map(liveRunOf),
    settled: new Map<string, string>(),
  };
  const { pairs, suspected } = matchTwins(rows, windowUs);
  return runs.map((run) => {
    const { legacy_id: legacyId, fingerprint, otherwise, expired } = run;
    const liveRunId = pairs.get(legacyId) ?? null;
    const startedAtUs = BigInt(run.started_at_us);
    const common = { legacyId, liveRunId, fingerprint, expired, startedAtUs, found: foundOf(run) };
    if (liveRunId !== null) return { ...common, decision: 'twin', reason: LIVE_TWIN };
    if (run.refused !== null) return { ...common, ...quarantinedFor(run.refused) };
    if (otherwise === 'opted_out') return { ...common, decision: otherwise, reason: OPTED_OUT };
    return { ...common, decision: otherwise, reason: suspected.has(legacyId) ? WEAK_FINGERPRINT : OWNER };
  });
}

/** Every run that is matched is an owner's. */
function foundOf({ agent_context_id, user_id, agent_url, opted_out }: WindowRunRow): Found {
  return {
    agentContextId: agent_context_id,
    userId: user_id,
    agentUrl: agent_url,
    isMember: true,
    listsAgent: true,
    optedOut: opted_out,
  };
}
