import { setTimeout as delay } from 'node:timers/promises';
import { topicNames } from '../../consumers/lib/names.ts';
import type { ConnectorState, ConnectorStatus } from './connect-client.ts';
import type { Heartbeat } from './heartbeat.ts';
import { summarizeTrace } from './liveness.ts';
import type { SlotFacts } from './source-facts.ts';
import { askSource, watchHeartbeat, withTarget, type ConnectorSettings, type Target } from './target.ts';

export interface ConnectorReport {
  readonly name: string;
  readonly healthy: boolean;
  /** Why not; empty where healthy. */
  readonly problems: readonly string[];
  readonly state: ConnectorState | 'ABSENT';
  readonly tasks: readonly {
    readonly id: number;
    readonly state: ConnectorState;
    readonly trace: string | null;
  }[];
  readonly heartbeat: HeartbeatReport | null;
  readonly slot: SlotFacts | null;
  /** Why nothing is known of the slot; null where it is. */
  readonly slotUnknown: string | null;
}

export interface HeartbeatReport {
  readonly beatAt: string;
  readonly arrivedAt: string;
  /** Since it arrived in the topic. */
  readonly ageSeconds: number;
}

/** The connector writes one every 2 s; a restart of it or of a worker takes some tens of seconds. */
const OLD_HEARTBEAT_SECONDS = 30;
const READ_TIMEOUT_MS = 20_000;

export async function connectorReport(config: ConnectorSettings): Promise<ConnectorReport> {
  return await withTarget(config, async (target) => {
    const [status, heartbeat, source] = await Promise.all([
      target.connect.status(config.CONNECTOR_NAME),
      lastHeartbeat(target, config),
      askSource(target, config),
    ]);
    return judgeStatus({
      name: config.CONNECTOR_NAME,
      now: new Date(),
      status,
      heartbeat,
      slot: 'facts' in source ? source.facts.slot : null,
      slotUnknown: 'facts' in source ? null : source.unreachable,
      redact: (text) => target.connect.redact(text),
    });
  });
}

interface StatusFacts {
  readonly name: string;
  readonly now: Date;
  readonly status: ConnectorStatus | undefined;
  readonly heartbeat: Heartbeat | undefined;
  readonly slot: SlotFacts | null;
  readonly slotUnknown: string | null;
  readonly redact: (text: string) => string;
}

export function judgeStatus(facts: StatusFacts): ConnectorReport {
  const { status, heartbeat, now, slot, redact } = facts;
  const tasks = (status?.tasks ?? []).map(({ id, state, trace }) => ({
    id,
    state,
    trace: trace === undefined ? null : redact(trace),
  }));
  const beat =
    heartbeat === undefined
      ? null
      : {
          beatAt: heartbeat.beatAt.toISOString(),
          arrivedAt: heartbeat.arrivedAt.toISOString(),
          ageSeconds: Math.max(0, Math.round((now.getTime() - heartbeat.arrivedAt.getTime()) / 1000)),
        };
  const report = {
    name: facts.name,
    state: status?.connector.state ?? ('ABSENT' as const),
    tasks,
    heartbeat: beat,
    slot,
    slotUnknown: facts.slotUnknown,
  };
  const problems = [
    ...stateProblems(status, redact),
    ...heartbeatProblems(status, beat),
    ...(slot?.walStatus === 'lost' ? ['the replication slot is lost'] : []),
  ];
  return { ...report, healthy: problems.length === 0, problems };
}

function stateProblems(status: ConnectorStatus | undefined, redact: (text: string) => string): string[] {
  if (status === undefined) return ['Kafka Connect has no such connector'];
  const { connector, tasks } = status;
  const parts = [
    { what: 'the connector', ...connector },
    ...tasks.map((task) => ({ what: `task ${String(task.id)}`, ...task })),
  ];
  const problems = parts
    .filter(({ state }) => state !== 'RUNNING')
    .map(
      ({ what, state, trace }) =>
        `${what} is ${state}${trace === undefined ? '' : `: ${redact(summarizeTrace(trace))}`}`,
    );
  return tasks.length === 0 ? [...problems, 'it has no task'] : problems;
}

function heartbeatProblems(status: ConnectorStatus | undefined, beat: HeartbeatReport | null): string[] {
  if (status === undefined) return [];
  if (beat === null)
    return ['no heartbeat has come through its topic: it is still in its snapshot, or stands still'];
  return beat.ageSeconds > OLD_HEARTBEAT_SECONDS
    ? [`the last heartbeat came through ${String(beat.ageSeconds)} s ago`]
    : [];
}

async function lastHeartbeat(target: Target, config: ConnectorSettings): Promise<Heartbeat | undefined> {
  const topic = topicNames(config).heartbeatTable;
  if (!(await target.cluster.listTopics()).includes(topic)) return undefined;
  const marks = [...(await target.cluster.watermarks(topic)).values()];
  if (marks.every(({ low, high }) => low === high)) return undefined;
  const watch = await watchHeartbeat(target, config, 'last');
  try {
    const deadline = Date.now() + READ_TIMEOUT_MS;
    while (watch.latest() === undefined && Date.now() < deadline) await delay(50);
    return watch.latest();
  } finally {
    await watch.stop();
  }
}
