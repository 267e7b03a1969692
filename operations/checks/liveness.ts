import type { ConnectorState, ConnectorStatus } from '../../connectors/deploy/connect-client.ts';
import type { Heartbeat } from '../facts/heartbeat.ts';
import type { Observed } from '../facts/observer.ts';

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
  /** It streams, and the rows that were there before are not in the topic. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'waiting' };

/**
 * Heartbeats to wait for the notification of the finished snapshot: both come from one task, in order, but through
 * two topics, so one may overtake the other by a moment.
 */
const PATIENCE_BEATS = 3;

/**
 * RUNNING proves nothing: with a topic missing, the producer stands still for good while connector and task both
 * say RUNNING. Alive is a connector whose task runs, whose initial snapshot has been completed, and whose heartbeat
 * row, written after the start, was streamed into its topic.
 */
export function judgeLiveness(
  status: ConnectorStatus | undefined,
  observed: Observed | undefined,
  baseline: Baseline,
): Liveness {
  if (status === undefined) return { kind: 'waiting' };
  const failure = failureOf(status);
  if (failure !== undefined) {
    return failure.trace === baseline.oldTrace ? { kind: 'waiting' } : { kind: 'failed', ...failure };
  }
  const { state } = status.connector;
  if (state === 'PAUSED' || state === 'STOPPED') return { kind: 'suspended', state };
  if (!runs(status) || observed?.heartbeat?.streamed !== true) return { kind: 'waiting' };
  if (observed.history.initial !== 'completed') {
    return { kind: observed.beats < PATIENCE_BEATS ? 'waiting' : 'incomplete' };
  }
  const { sourceClock } = baseline;
  if (sourceClock !== undefined && observed.heartbeat.beatAt < sourceClock) return { kind: 'waiting' };
  return { kind: 'alive', heartbeat: observed.heartbeat };
}

/** The connector and all its tasks say so. */
export function runs({ connector, tasks }: ConnectorStatus): boolean {
  const states = [connector.state, ...tasks.map(({ state }) => state)];
  return tasks.length > 0 && states.every((state) => state === 'RUNNING');
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
