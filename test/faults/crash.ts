import { expect, test } from 'vitest';
import { accountingErrors, contentHash, differences } from '../support/canonical.ts';
import {
  blockWritersOf,
  forgetProjection,
  groupRecords,
  seenGone,
  seenWaiting,
  storedRecords,
} from '../support/faults.ts';
import { expectInvariants } from '../support/invariants/check.ts';
import type { Pipeline } from '../support/pipeline.ts';

/** What the projector promises, whatever it waits for. */
const STOPPED_WITHIN_MS = 10_000;
const SMALL_BATCHES = { BATCH_ROWS: '20' };

/** Kills and stops of one projector at a time, on a topic with a snapshot of so many rows that nobody has projected. */
export function crashTests(pipeline: () => Pipeline, rows: number): void {
  /** What a run without faults makes of the topic. */
  let faultless: string;

  test('without a fault, the snapshot is projected as plain SQL says', async () => {
    expect((await pipeline().project(SMALL_BATCHES)).read).toBe(rows);
    expect(await differences(pipeline())).toEqual([]);
    expect(await accountingErrors(pipeline())).toEqual([]);
    faultless = await contentHash(pipeline());
  });

  /** Each round has a group of its own, or it would wait until Kafka gives up the dead member of the last one. */
  let rounds = 0;
  const ownGroup = () => ({
    ...SMALL_BATCHES,
    CONSUMER_GROUP: `${pipeline().config.CONSUMER_GROUP}-${String(++rounds)}`,
  });

  /** Kills a projector in its nth commit: Postgres has it, Kafka has not. Gives how many records it left committed. */
  async function killInCommit(nth: number): Promise<number> {
    const before = await storedRecords(pipeline());
    const group = ownGroup();
    const projector = pipeline().startScript('doomed-projector.ts', ['SIGKILL', String(nth)], group);
    expect(await projector.ended).toMatchObject({ signal: 'SIGKILL' });
    await seenGone(pipeline());
    const stored = await storedRecords(pipeline());
    expect(stored).toBeGreaterThanOrEqual(before + nth);
    // Kafka hears of commits every few seconds, and never of the one in which it was killed.
    expect(await groupRecords(pipeline(), group.CONSUMER_GROUP)).toBeLessThan(stored);
    return stored;
  }

  /** Kills a projector whose transaction has moved the offset and waits to write into the table. */
  async function killBeforeCommit(table: string): Promise<number> {
    const before = await storedRecords(pipeline());
    const block = await blockWritersOf(pipeline(), table);
    const projector = pipeline().start(['project'], ownGroup());
    await seenWaiting(pipeline(), projector);
    projector.signal('SIGKILL');
    await projector.ended;
    await block.release();
    await seenGone(pipeline());
    expect(await storedRecords(pipeline())).toBe(before);
    return before;
  }

  async function finish(stored: number): Promise<void> {
    expect(stored).toBeLessThan(rows);
    const facts = await pipeline().project(ownGroup());
    expect(facts.read).toBe(rows - stored);
    expect(facts.records).toMatchObject({ applied: facts.read, duplicate: 0, stale: 0 });
    expect(await differences(pipeline())).toEqual([]);
    expect(await accountingErrors(pipeline())).toEqual([]);
    expect(await contentHash(pipeline())).toBe(faultless);
  }

  test('killed again and again, in a commit and before one, it ends as if nothing had happened', async () => {
    await forgetProjection(pipeline());
    await killInCommit(1);
    await killBeforeCommit('history_cdc.ledger');
    await killInCommit(7);
    await killBeforeCommit('public.agent_compliance_runs');
    const stored = await killInCommit(2);
    await finish(stored);
  });

  test('killed before its first commit, it has done nothing', async () => {
    await forgetProjection(pipeline());
    const nothing = await contentHash(pipeline());
    const stored = await killBeforeCommit('history_cdc.ledger');
    expect(stored).toBe(0);
    expect(await contentHash(pipeline())).toBe(nothing);
    await finish(stored);
  });

  test('after the kills, I1 to I18 hold', async () => {
    await expectInvariants(pipeline(), { settings: ownGroup() });
  });

  test('told to stop in the middle of a backlog, it ends in time with exit code 0, and nothing is lost or repeated', async () => {
    await forgetProjection(pipeline());
    const settings = { ...ownGroup(), BATCH_ROWS: '1' };
    const projector = pipeline().start(['project', '--json'], settings);
    await projector.while(
      'a part of the backlog is committed',
      async () => (await storedRecords(pipeline())) > 20,
    );
    const askedAt = performance.now();
    projector.signal('SIGTERM');
    const { code, stdout } = await projector.ended;
    expect(performance.now() - askedAt).toBeLessThan(STOPPED_WITHIN_MS);
    expect(code).toBe(0);
    const stored = await storedRecords(pipeline());
    expect(JSON.parse(stdout)).toMatchObject({ stopped: 'signal', read: stored });
    expect(await groupRecords(pipeline(), settings.CONSUMER_GROUP)).toBe(stored);
    await finish(stored);
  });

  test('told to stop while its transaction waits for a lock, it ends in time, and the transaction is rolled back', async () => {
    await forgetProjection(pipeline());
    const nothing = await contentHash(pipeline());
    const block = await blockWritersOf(pipeline(), 'history_cdc.ledger');
    const projector = pipeline().start(['project', '--json'], ownGroup());
    await seenWaiting(pipeline(), projector);
    const askedAt = performance.now();
    projector.signal('SIGTERM');
    const { code, stdout } = await projector.ended;
    expect(performance.now() - askedAt).toBeLessThan(STOPPED_WITHIN_MS);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ stopped: 'signal', read: 0 });
    await block.release();
    await seenGone(pipeline());
    expect(await contentHash(pipeline())).toBe(nothing);
    await finish(0);
  });

  test('told to stop while the group waits for a dead member, it ends in time with exit code 0, and so does the next one', async () => {
    const settings = ownGroup();
    const dead = pipeline().start(['project'], settings);
    await dead.logged('partitions assigned');
    dead.signal('SIGKILL');
    await dead.ended;
    for (const which of ['first', 'second']) {
      const projector = pipeline().start(['project', '--json'], settings);
      await projector.while(`the ${which} one waits in the group`, async () => {
        const { groups } = await pipeline().admin.describeGroups([settings.CONSUMER_GROUP]);
        return projector.stderr.includes('serving /healthz') && groups[0]?.state === 'PreparingRebalance';
      });
      const askedAt = performance.now();
      projector.signal('SIGTERM');
      const { code, signal } = await projector.ended;
      expect({ which, code, signal }).toEqual({ which, code: 0, signal: null });
      expect(performance.now() - askedAt).toBeLessThan(STOPPED_WITHIN_MS);
    }
  });
}
