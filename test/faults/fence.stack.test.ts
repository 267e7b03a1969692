import { expect, test } from 'vitest';
import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import { accountingErrors, contentHash, differences } from '../support/canonical.ts';
import type { Command } from '../support/command.ts';
import {
  blockWritersOf,
  seenIdleInTransaction,
  seenStopped,
  seenWaiting,
  storedRecords,
} from '../support/faults.ts';
import { usePipeline } from '../support/pipeline.ts';

const pipeline = usePipeline({
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, 400);
  },
});

/** Each projector of these tests is outside the group of the others: only the fence in Postgres keeps them apart. */
const alone = (group: string) => ({
  CONSUMER_GROUP: `${pipeline().config.CONSUMER_GROUP}-${group}`,
  BATCH_ROWS: '20',
});

async function expectAllProjectedOnce(): Promise<void> {
  expect(await storedRecords(pipeline())).toBe(await pipeline().records());
  expect(await differences(pipeline())).toEqual([]);
  expect(await accountingErrors(pipeline())).toEqual([]);
}

/** Stopped with a transaction in hand in the first test, and awaited in the last: it waits for a minute to be sure. */
let zombie: Command;

test('a projector that is stopped with a transaction in hand holds another one up for 20 s at most, and commits nothing later', async () => {
  const block = await blockWritersOf(pipeline(), 'history_cdc.ledger');
  zombie = pipeline().start(['project'], alone('zombie'));
  await seenWaiting(pipeline(), zombie);
  zombie.signal('SIGSTOP');
  await block.release();
  await seenIdleInTransaction(pipeline());

  const startedAt = performance.now();
  const facts = await pipeline().project(alone('successor'));
  expect(performance.now() - startedAt).toBeLessThan(45_000);
  expect(facts.records.applied).toBe(400);
  await expectAllProjectedOnce();

  const after = await contentHash(pipeline());
  zombie.signal('SIGCONT');
  await zombie.logged('another projector took the partition over');
  expect(await contentHash(pipeline())).toBe(after);
});

test('a projector that is stopped between two transactions commits nothing more once another one took over', async () => {
  await insertRuns(pipeline().pool, 401, 600);
  await pipeline().delivered();
  const stopped = pipeline().startScript('doomed-projector.ts', ['SIGSTOP', '2'], {
    ...alone('stopped'),
    PARTITIONS_AT_ONCE: '1',
  });
  await seenStopped(stopped);
  const stored = await storedRecords(pipeline());
  expect(stored).toBeGreaterThan(400);
  expect(stored).toBeLessThan(600);
  const facts = await pipeline().project(alone('next'));
  expect(facts.read).toBe(600 - stored);
  await expectAllProjectedOnce();

  const after = await contentHash(pipeline());
  stopped.signal('SIGCONT');
  expect(await stopped.ended).toMatchObject({ code: 0 });
  expect(await contentHash(pipeline())).toBe(after);
});

test('after a kill, a new projector of the same group goes on once Kafka has given up the dead one', async () => {
  await insertRuns(pipeline().pool, 601, 800);
  await pipeline().delivered();
  const killed = pipeline().startScript('doomed-projector.ts', ['SIGKILL', '2'], alone('same'));
  expect(await killed.ended).toMatchObject({ signal: 'SIGKILL' });
  const stored = await storedRecords(pipeline());
  const facts = await pipeline().project(alone('same'));
  expect(facts.read).toBe(800 - stored);
  expect(facts.records.duplicate).toBe(0);
  await expectAllProjectedOnce();
});

test('a projector whose partitions are taken by one that is not in its group ends, and says so', async () => {
  const { code, stderr } = await zombie.ended;
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^error FENCED: another projector works on partition \d and is not in our consumer group$/m,
  );
  expect(stderr).toMatch(/^ {2}way out: run all projectors of a database with the same CONSUMER_GROUP/m);
});
