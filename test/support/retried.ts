import { expect } from 'vitest';
import { retryParked, type RetryAnswer, type RetryOptions } from '../../operations/quarantine/retry.ts';
import type { Pool } from '../../lib/postgres.ts';
import { everything } from './fingerprint.ts';
import { jsonDecoder, MATCHING } from './run-records.ts';
import type { Row, Tables } from './tables.ts';
import type { World } from './world.ts';

/** One retry of everything that is open, done for good, and whatever a test has otherwise. */
export async function retried(pool: Pool, others: Partial<RetryOptions> = {}): Promise<RetryAnswer[]> {
  const answers: RetryAnswer[] = [];
  await retryParked({
    context: { canonical: pool, legacy: pool, optOutPolicy: 'respect', matching: MATCHING },
    decode: jsonDecoder,
    filter: {},
    dryRun: false,
    maxAttempts: 5,
    retrying: () => undefined,
    retried: (records) => answers.push(...records),
    ...others,
  });
  return answers;
}

/** The only record that was ever parked. */
export async function theOnlyRecord(tables: Tables): Promise<Row> {
  const records = await tables.quarantined();
  expect(records).toHaveLength(1);
  return records[0] ?? {};
}

/** What was done is done: to read the topic again changes nothing. */
export async function expectLasting(world: World): Promise<void> {
  const after = await everything(world.pool);
  await world.replay();
  await world.replay(1);
  expect(await everything(world.pool), 'a replay changes nothing').toEqual(after);
}
