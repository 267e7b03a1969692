import type { ConnectorState } from '../../connectors/deploy/connect-client.ts';
import type { ConnectorSettings } from '../../connectors/deploy/target.ts';
import type { Config } from '../../lib/config.ts';
import { CONNECTOR_MOVES, INITIAL_SNAPSHOT, LEGACY_ANSWERS, SOURCE_FITS } from '../checks/choice.ts';
import { circumstancesOf, judge, wantedFor } from '../checks/judge.ts';
import { required, valueOf } from '../facts/answer.ts';
import type { Answers } from '../facts/facts.ts';
import { gather } from '../facts/gather.ts';
import type { SlotFacts } from '../facts/postgres.ts';
import { withServices, type Services } from '../facts/services.ts';
import type { InitialSnapshot } from '../facts/snapshot-runs.ts';

export interface ConnectorReport {
  readonly name: string;
  readonly healthy: boolean;
  /** The problems; empty if the connector is healthy. */
  readonly problems: readonly ConnectorProblem[];
  readonly state: ConnectorState | 'ABSENT';
  readonly tasks: readonly {
    readonly id: number;
    readonly state: ConnectorState;
    readonly trace: string | null;
  }[];
  readonly heartbeat: HeartbeatReport | null;
  readonly initialSnapshot: InitialSnapshot;
  readonly slot: Pick<SlotFacts, 'plugin' | 'database' | 'active' | 'walStatus' | 'lagBytes'> | null;
  /** Why nothing is known about the slot; null if it is known. */
  readonly slotUnknown: string | null;
}

export interface ConnectorProblem {
  /** The id of the check. */
  readonly id: string;
  readonly evidence: string;
  readonly fix: string | null;
}

export interface HeartbeatReport {
  readonly beatAt: string;
  readonly arrivedAt: string;
  /** The time since it arrived in the topic. */
  readonly ageSeconds: number;
}

const OF_CONNECTOR = [...CONNECTOR_MOVES, ...INITIAL_SNAPSHOT];
const CHECKED = [...OF_CONNECTOR, ...SOURCE_FITS];

export async function connectorReport(config: ConnectorSettings): Promise<ConnectorReport> {
  return await withServices(config, { name: 'history-cdc connector' }, async (services) =>
    reportOf(await askConnector(services, config), config),
  );
}

/** Throws if Kafka or Kafka Connect does not answer, because nothing is known about the connector then. */
export async function askConnector(services: Services, config: ConnectorSettings): Promise<Answers> {
  await services.kafka();
  return await gather({ services, config }, wantedFor(CHECKED, config));
}

/** Makes the report from the answers, without asking anything. Throws if the connector could not be asked. */
export function reportOf(answers: Answers, config: Config, now = new Date()): ConnectorReport {
  const { status } = required(answers.connector);
  const observed = required(answers.observed);
  const { slot } = answers;
  const problems = problemsOf(answers, config, now);
  const heartbeat = observed?.heartbeat;
  return {
    name: config.CONNECTOR_NAME,
    healthy: problems.length === 0,
    problems,
    state: status?.connector.state ?? 'ABSENT',
    tasks: (status?.tasks ?? []).map(({ id, state, trace = null }) => ({ id, state, trace })),
    heartbeat:
      heartbeat === undefined
        ? null
        : {
            beatAt: heartbeat.beatAt.toISOString(),
            arrivedAt: heartbeat.arrivedAt.toISOString(),
            ageSeconds: Math.max(0, Math.round((now.getTime() - heartbeat.arrivedAt.getTime()) / 1000)),
          },
    initialSnapshot: observed?.history.initial ?? 'unknown',
    slot: slotOf(valueOf(slot) ?? null),
    slotUnknown: slot.known ? null : slot.why,
  };
}

function slotOf(slot: SlotFacts | null): ConnectorReport['slot'] {
  if (slot === null) return null;
  const { plugin, database, active, walStatus, lagBytes } = slot;
  return { plugin, database, active, walStatus, lagBytes };
}

/**
 * A connector in its initial snapshot is not healthy yet, and neither is one of which something is unknown. If the
 * legacy database gives no answer, that is one problem, in place of one for each check that asks it.
 */
function problemsOf(answers: Answers, config: Config, now: Date): ConnectorProblem[] {
  const checks = answers.server.known ? CHECKED : [...OF_CONNECTOR, ...LEGACY_ANSWERS];
  const results = judge(checks, answers, circumstancesOf(answers, config, now));
  const isWrong = (id: string, verdict: string) =>
    verdict !== 'ok' && (verdict !== 'warning' || id === 'initial-snapshot');
  return results
    .filter(({ id, verdict }) => isWrong(id, verdict))
    .map(({ id, evidence, fix }) => ({ id, evidence, fix }));
}
