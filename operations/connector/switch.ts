import pRetry from 'p-retry';
import { FatalError, TransientError } from '../../lib/errors.ts';
import { failedConnector } from './apply-errors.ts';
import type { ConnectClient, ConnectorStatus } from '../../connectors/deploy/connect-client.ts';
import { failureOf, runs, summarizeTrace } from '../checks/liveness.ts';

type Switch = 'pause' | 'resume' | 'restart';

/** Kafka Connect answers before anything has happened: a connector that is resumed has no task for a moment. */
const WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 200;

/**
 * Pauses, resumes or restarts the connector, and returns when Kafka Connect says that this has happened. Fails with the
 * trace when the connector or its task has failed. `resume` does not restart a failed task, so it fails then, too.
 */
export async function switchConnector(connect: ConnectClient, name: string, to: Switch): Promise<void> {
  const before = await connect.status(name);
  const oldFailure = before === undefined ? undefined : failureOf(before);
  await connect[to](name);
  const deadline = Date.now() + WITHIN_MS;
  const look = async () => {
    const status = await connect.status(name);
    const failure = status === undefined ? undefined : failureOf(status);
    // After a restart, Kafka Connect goes on showing the old failure until the new task has begun.
    const isOld = to === 'restart' && failure?.trace === oldFailure?.trace && Date.now() < deadline;
    if (to !== 'pause' && failure !== undefined && !isOld)
      throw failedConnector(failure.what, connect.redact(summarizeTrace(failure.trace)));
    if (status === undefined || !isDone(to, status))
      throw new TransientError(
        `${name} does not ${to} within ${String(WITHIN_MS / 1000)} s: ${told(status)}`,
      );
  };
  await pRetry(look, {
    retries: WITHIN_MS / LOOK_EVERY_MS,
    minTimeout: LOOK_EVERY_MS,
    factor: 1,
    maxRetryTime: WITHIN_MS,
    shouldRetry: ({ error }) => error instanceof TransientError,
  }).catch((error: unknown) => {
    throw error instanceof TransientError ? notDone(error.message) : error;
  });
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
