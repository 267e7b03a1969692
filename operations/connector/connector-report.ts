import type { ConnectorState, ConnectorStatus } from '../../connectors/deploy/connect-client.ts';
import type { InitialSnapshot } from '../facts/initial-snapshot.ts';
import { judgeSource } from '../checks/judge-source.ts';
import { summarizeTrace } from '../checks/liveness.ts';
import { readProof, type Proof } from '../facts/proof.ts';
import type { SlotFacts } from '../facts/source.ts';
import {
  askSource,
  sourceNames,
  withTarget,
  type ConnectorSettings,
} from '../../connectors/deploy/target.ts';

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
  readonly initialSnapshot: InitialSnapshot;
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
export const OLD_HEARTBEAT_SECONDS = 30;

export async function connectorReport(config: ConnectorSettings): Promise<ConnectorReport> {
  return await withTarget(config, async (target) => {
    const status = await target.connect.status(config.CONNECTOR_NAME);
    const source = await askSource(target, config);
    const proof = await readProof(target.cluster, config);
    return judgeStatus({
      name: config.CONNECTOR_NAME,
      now: new Date(),
      status,
      proof,
      slot: 'facts' in source ? source.facts.slot : null,
      slotUnknown: 'facts' in source ? null : source.unreachable,
      sourceProblems: 'facts' in source ? judgeSource(source.facts, sourceNames(config)) : [],
      redact: (text) => target.connect.redact(text),
    });
  });
}

interface StatusFacts {
  readonly name: string;
  readonly now: Date;
  readonly status: ConnectorStatus | undefined;
  /** Undefined where the topics are missing. */
  readonly proof: Proof | undefined;
  readonly slot: SlotFacts | null;
  readonly slotUnknown: string | null;
  readonly sourceProblems: readonly string[];
  readonly redact: (text: string) => string;
}

export function judgeStatus(facts: StatusFacts): ConnectorReport {
  const { status, proof, now, slot, redact } = facts;
  const heartbeat = proof?.heartbeat;
  const initialSnapshot = proof?.snapshot ?? 'unknown';
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
    initialSnapshot,
    slot,
    slotUnknown: facts.slotUnknown,
  };
  const problems = [
    ...stateProblems(status, redact),
    ...(status === undefined ? [] : proofProblems(beat, initialSnapshot)),
    ...facts.sourceProblems,
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

function proofProblems(beat: HeartbeatReport | null, snapshot: InitialSnapshot): string[] {
  if (beat === null)
    return ['no heartbeat has come through its topic: it is still in its snapshot, or stands still'];
  const problems: string[] = [];
  if (beat.ageSeconds > OLD_HEARTBEAT_SECONDS) {
    problems.push(`the last heartbeat came through ${String(beat.ageSeconds)} s ago`);
  }
  if (snapshot === 'skipped' || snapshot === 'unknown') {
    problems.push(
      'nothing says that the initial snapshot was ever completed: `history-cdc connector apply` tells more',
    );
  }
  return problems;
}
