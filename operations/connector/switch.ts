import { setTimeout } from 'node:timers/promises';
import { FatalError } from '../../lib/errors.ts';
import { failedConnector } from './apply-errors.ts';
import type { ConnectClient, ConnectorStatus } from '../../connectors/deploy/connect-client.ts';
import { failureOf, runs, summarizeTrace } from '../checks/liveness.ts';

type Switch = 'pause' | 'resume' | 'restart';

/**
 * How often to ask. Kafka Connect answers a request before it is done: a resumed connector has no task for a moment.
 */
const WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 200;

/**
 * Pauses, resumes or restarts the connector, and returns when Kafka Connect reports the new state. Throws with the
 * trace if the connector or its task has failed. `resume` does not restart a failed task, so it throws then, too. The
 * state RUNNING does not prove that anything is streamed; only the heartbeat does (`connector status`).
 */
export async function switchConnector(
  connect: ConnectClient,
  {
    name,
    to,
    withinMs = WITHIN_MS,
  }: { readonly name: string; readonly to: Switch; readonly withinMs?: number },
): Promise<void> {
  const oldFailure = failureIn(await connect.status(name));
  await connect[to](name);
  const deadline = Date.now() + withinMs;
  for (;;) {
    const status = await connect.status(name);
    const isLate = Date.now() >= deadline;
    const failure = to === 'pause' ? undefined : failureIn(status);
    // After a restart, Kafka Connect goes on showing the old failure until the new task has begun.
    const mayBeOld = to === 'restart' && failure?.trace === oldFailure?.trace && !isLate;
    if (failure !== undefined && !mayBeOld)
      throw failedConnector(failure.what, connect.redact(summarizeTrace(failure.trace)));
    if (status !== undefined && isDone(to, status)) return;
    if (isLate)
      throw notDone(
        `${name} does not ${to} within ${String(withinMs / 1000)} s; Kafka Connect says: ${told(status)}`,
      );
    await setTimeout(LOOK_EVERY_MS);
  }
}

function failureIn(status: ConnectorStatus | undefined) {
  return status === undefined ? undefined : failureOf(status);
}

function notDone(message: string): FatalError {
  return new FatalError({
    code: 'CONNECTOR_SILENT',
    message,
    wayOut:
      '`history-cdc connector status` tells more; look at the log of the Kafka Connect worker, then try again',
  });
}

function isDone(to: Switch, status: ConnectorStatus): boolean {
  if (to !== 'pause') return runs(status);
  return status.connector.state === 'PAUSED' && status.tasks.every(({ state }) => state !== 'RUNNING');
}

function told(status: ConnectorStatus | undefined): string {
  if (status === undefined) return 'Kafka Connect does not know it';
  const tasks = status.tasks.map(({ id, state }) => `task ${String(id)} is ${state}`);
  return [
    `connector is ${status.connector.state}`,
    ...(tasks.length === 0 ? ['it has no task'] : tasks),
  ].join(', ');
}
