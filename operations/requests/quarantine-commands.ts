import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import { schemaLookupOf } from '../../lib/registry.ts';
import { retryParked, type RetryAnswer, type RetryFilter } from '../quarantine/retry.ts';
import { waive } from '../quarantine/waive.ts';
import type { Outcome, Running } from './commands.ts';
import type { Databases } from './databases.ts';
import { measuredContext } from './pipeline-context.ts';
import { withDatabasesOf } from './with-databases.ts';

/** As `quarantine retry` without --max-attempts. */
export const MAX_ATTEMPTS = 5;

export interface Retrying {
  readonly filter: RetryFilter;
  readonly dryRun: boolean;
  readonly maxAttempts: number;
  readonly by?: string | undefined;
  readonly retrying: (error: Error) => void;
  readonly retried: (records: readonly RetryAnswer[]) => void;
}

/** Retries parked records for a command or a request. */
export async function retryWith(databases: Databases, retrying: Retrying): Promise<void> {
  const { config } = databases;
  await retryParked({
    ...retrying,
    context: await measuredContext(databases, { writes: !retrying.dryRun }),
    decode: createDecoder(schemaLookupOf(config), config.UNAVAILABLE_PLACEHOLDER, {
      mayKnowNone: true,
      parkUnusable: true,
    }),
  });
}

/** The outcomes that leave a record parked. */
export const LEFT: ReadonlySet<RetryAnswer['outcome']> = new Set(['failed', 'waiting', 'exhausted']);

export async function retryRecords(
  running: Running,
  { ids, reason }: { readonly ids?: readonly string[] | undefined; readonly reason?: string | undefined },
): Promise<Outcome> {
  const { by, applies } = running;
  const answers: RetryAnswer[] = [];
  await withDatabasesOf(running, 'quarantine retry', (databases) =>
    retryWith(databases, {
      ...{ filter: { ids, reason }, dryRun: !applies, maxAttempts: MAX_ATTEMPTS, by },
      retrying: () => undefined,
      retried: (records) => answers.push(...records),
    }),
  );
  const left = answers.some(({ outcome }) => LEFT.has(outcome));
  return { event: left ? 'no' : 'done', result: { records: answers } };
}

export async function waiveRecords(
  running: Running,
  { ids, reason }: { readonly ids: readonly string[]; readonly reason: string },
): Promise<Outcome> {
  await withDatabasesOf(running, 'quarantine waive', ({ canonical }) =>
    waive(canonical, { ids, reason, by: running.by }),
  );
  return { event: 'done', result: { waived: ids } };
}
