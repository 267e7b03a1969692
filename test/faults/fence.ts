import { expect, test } from 'vitest';
import { insertRuns } from '../support/application-rows.ts';
import { accountingErrors, contentHash, differences } from '../support/canonical.ts';
import type { Command } from '../support/command.ts';
import {
  blockWritersOf,
  seenIdleInTransaction,
  seenStopped,
  seenWaiting,
  storedRecords,
} from '../support/faults.ts';
import type { Pipeline, RunFacts } from '../support/pipeline.ts';

/**
 * What waits long: a projector that lost its partitions is sure of that after a minute, and Kafka gives a dead member
 * up after half of one. Two tests begin it, and two see its end; what stands between them takes its time anyway.
 */
export function fenceTests(pipeline: () => Pipeline, rows: number): { begin(): void; end(): void } {
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

  /** Stopped with a transaction in hand. */
  let zombie: Command;
  /** The successor of a projector that was killed, in the same group. */
  let restarted: Command;
  let storedAtKill: number;

  const begin = () => {
    test('a projector that is stopped with a transaction in hand holds another one up for 20 s at most, and commits nothing later', async () => {
      const block = await blockWritersOf(pipeline(), 'history_cdc.ledger');
      zombie = pipeline().start(['project'], alone('zombie'));
      await seenWaiting(pipeline(), zombie);
      zombie.signal('SIGSTOP');
      await block.release();
      await seenIdleInTransaction(pipeline());

      const startedAt = performance.now();
      const facts = await pipeline().project(alone('successor'));
      expect(performance.now() - startedAt).toBeLessThan(90_000);
      expect(facts.records.applied).toBe(rows);
      await expectAllProjectedOnce();

      const after = await contentHash(pipeline());
      zombie.signal('SIGCONT');
      await zombie.logged('another projector has claimed the partition');
      expect(await contentHash(pipeline())).toBe(after);
    });

    test('a projector is killed, and the next one of its group waits until Kafka gives it up', async () => {
      await insertRuns(pipeline().pool, rows + 1, rows + 200);
      await pipeline().delivered();
      const killed = pipeline().startScript('doomed-projector.ts', ['SIGKILL', '2'], alone('same'));
      expect(await killed.ended).toMatchObject({ signal: 'SIGKILL' });
      storedAtKill = await storedRecords(pipeline());
      expect(storedAtKill).toBeLessThan(rows + 200);
      restarted = pipeline().start(['project', '--until-caught-up', '--json'], alone('same'));
    });
  };

  const end = () => {
    test('the one that came after the kill has done the rest', async () => {
      const { code, stdout } = await restarted.ended;
      expect(code).toBe(0);
      const facts = JSON.parse(stdout) as RunFacts;
      expect(facts.read).toBe(rows + 200 - storedAtKill);
      expect(facts.records.duplicate).toBe(0);
      await expectAllProjectedOnce();
    });

    test('a projector that is stopped between two transactions commits nothing more once another one took over', async () => {
      await insertRuns(pipeline().pool, rows + 201, rows + 400);
      await pipeline().delivered();
      const stopped = pipeline().startScript('doomed-projector.ts', ['SIGSTOP', '2'], {
        ...alone('stopped'),
        PARTITIONS_AT_ONCE: '1',
      });
      await seenStopped(stopped);
      const stored = await storedRecords(pipeline());
      expect(stored).toBeGreaterThan(rows + 200);
      expect(stored).toBeLessThan(rows + 400);
      const facts = await pipeline().project(alone('next'));
      expect(facts.read).toBe(rows + 400 - stored);
      await expectAllProjectedOnce();

      const after = await contentHash(pipeline());
      stopped.signal('SIGCONT');
      expect(await stopped.ended).toMatchObject({ code: 0 });
      expect(await contentHash(pipeline())).toBe(after);
    });

    test('a projector whose partitions are taken by one that is not in its group ends, and says so', async () => {
      const { code, stderr } = await zombie.ended;
      expect(code).toBe(2);
      expect(stderr).toMatch(
        /^error FENCED: another projector works on partition \d and is not in our consumer group$/m,
      );
      expect(stderr).toMatch(/^ {2}way out: run all projectors of a database with the same CONSUMER_GROUP/m);
    });
  };

  return { begin, end };
}
