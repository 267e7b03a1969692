import type { ConnectorState, ConnectorStatus } from './connect-client.ts';
import type { Heartbeat } from './heartbeat.ts';

/** What `apply` sees of the connector at one moment while it waits. */
export interface Observation {
  readonly status: ConnectorStatus | undefined;
  readonly heartbeat: Heartbeat | undefined;
  /** Records in the data topic. */
  readonly rows: bigint;
}

/** What was known before the connector was told anything. */
export interface Baseline {
  /** The failure that was there before: Connect goes on showing it until the new task has begun. */
  readonly oldTrace: string | undefined;
  /** The clock of the legacy database at the start; undefined where it cannot be asked. */
  readonly sourceClock: Date | undefined;
}

export type Liveness =
  | { readonly kind: 'alive'; readonly heartbeat: Heartbeat }
  | { readonly kind: 'failed'; readonly what: string; readonly trace: string }
  | { readonly kind: 'suspended'; readonly state: ConnectorState }
  | { readonly kind: 'waiting' };

/**
 * RUNNING proves nothing: with a topic missing, the producer stands still for good while connector and task both
 * say RUNNING. Alive is a connector whose task runs and whose heartbeat row, written after the start, was streamed
 * into the topic.
 */
export function judgeLiveness({ status, heartbeat }: Observation, baseline: Baseline): Liveness {
  if (status === undefined) return { kind: 'waiting' };
  const failure = failureOf(status);
  if (failure !== undefined) {
    return failure.trace === baseline.oldTrace ? { kind: 'waiting' } : { kind: 'failed', ...failure };
  }
  const { state } = status.connector;
  if (state === 'PAUSED' || state === 'STOPPED') return { kind: 'suspended', state };
  const runs =
    state === 'RUNNING' && status.tasks.length > 0 && status.tasks.every((task) => task.state === 'RUNNING');
  if (!runs || heartbeat?.streamed !== true) return { kind: 'waiting' };
  const { sourceClock } = baseline;
  if (sourceClock !== undefined && heartbeat.beatAt < sourceClock) return { kind: 'waiting' };
  return { kind: 'alive', heartbeat };
}

export function failureOf(status: ConnectorStatus): { what: string; trace: string } | undefined {
  const { connector } = status;
  if (connector.state === 'FAILED') return { what: 'the connector', trace: connector.trace ?? '' };
  const task = status.tasks.find(({ state }) => state === 'FAILED');
  return task === undefined ? undefined : { what: `task ${String(task.id)}`, trace: task.trace ?? '' };
}

/** The first line of a Java trace, and the innermost cause, which mostly says more. */
export function summarizeTrace(trace: string): string {
  const lines = trace.split('\n').map((line) => line.trim());
  const [first = ''] = lines;
  const cause = lines.findLast((line) => line.startsWith('Caused by: '));
  return cause === undefined || first === ''
    ? first
    : `${first} (${cause.replace('Caused by: ', 'caused by ')})`;
}
