import { expect, test } from 'vitest';
import { insertRuns } from '../support/application-rows.ts';
import { accountingErrors, differences } from '../support/canonical.ts';
import type { Command } from '../support/command.ts';
import { blockWritersOf, seenWaiting, storedRecords } from '../support/faults.ts';
import { expectInvariants } from '../support/invariants/check.ts';
import type { Pipeline, RunFacts } from '../support/pipeline.ts';

/** Projectors of one group, on a topic of two partitions and so many rows that are projected already. */
export function severalProjectorsTests(pipeline: () => Pipeline, before: number): void {
  const ARGS = ['project', '--json'];
  const SMALL_BATCHES = { BATCH_ROWS: '10' };

  /** The partitions that the group has given to a projector, as its log says. */
  function assigned(projector: Command): readonly number[] {
    const last = projector.log.findLast(({ msg }) => msg === 'partitions assigned');
    return (last?.['partitions'] ?? []) as readonly number[];
  }

  async function allProjected(...projectors: readonly Command[]): Promise<void> {
    const records = await pipeline().records();
    for (const projector of projectors) {
      await projector.while(
        'everything is projected',
        async () => (await storedRecords(pipeline())) === records,
      );
    }
  }

  async function factsOfStopped(projector: Command): Promise<RunFacts> {
    projector.signal('SIGTERM');
    const { code, stdout } = await projector.ended;
    expect(code).toBe(0);
    return JSON.parse(stdout) as RunFacts;
  }

  test('projectors share the partitions while they come and go, and every record has its effect once', async () => {
    const first = pipeline().start(ARGS, SMALL_BATCHES);
    await first.while('it has both partitions', () => assigned(first).length === 2);
    const second = pipeline().start(ARGS, SMALL_BATCHES);
    // Rows come all the time: the partitions change hands with records on their way.
    let rows = before;
    const insertMore = async () => {
      await insertRuns(pipeline().pool, rows + 1, rows + 5);
      rows += 5;
    };
    await second.while('the partitions are split', async () => {
      await insertMore();
      return assigned(first).length === 1 && assigned(second).length === 1;
    });
    for (let n = 0; n < 20; n++) await insertMore();
    await pipeline().delivered();
    await allProjected(first, second);

    const ofSecond = await factsOfStopped(second);
    await first.while('the partitions of the one that left are taken over', async () => {
      await insertMore();
      return assigned(first).length === 2;
    });
    await pipeline().delivered();
    await allProjected(first);
    const ofFirst = await factsOfStopped(first);

    expect(ofSecond.read).toBeGreaterThan(0);
    expect(ofFirst.records.applied + ofSecond.records.applied).toBe(rows - before);
    expect(ofFirst.read + ofSecond.read).toBe(rows - before);
    expect(await differences(pipeline())).toEqual([]);
    expect(await accountingErrors(pipeline())).toEqual([]);
  });

  test('a rebalance while an assignment waits for Postgres takes nothing away from the one that it is given to', async () => {
    const block = await blockWritersOf(pipeline(), 'history_cdc.consumer_offset');
    const first = pipeline().start(ARGS);
    await seenWaiting(pipeline(), first);
    const second = pipeline().start(ARGS);
    await second.while('both are members of the group', async () => {
      const { groups } = await pipeline().admin.describeGroups([pipeline().config.CONSUMER_GROUP]);
      return groups[0]?.state === 'Stable' && groups[0].members.length === 2;
    });
    await block.release();
    await first.while('it has one partition', () => assigned(first).length === 1);
    await second.while('it has the other one', () => assigned(second).length === 1);
    await insertRuns(pipeline().pool, 20_001, 20_080);
    await pipeline().delivered();
    await allProjected(first, second);
    const facts = [await factsOfStopped(first), await factsOfStopped(second)];
    expect(facts.reduce((sum, { read }) => sum + read, 0)).toBe(80);
    for (const { log } of [first, second]) {
      expect(log.map(({ msg }) => msg)).not.toContain('another projector has claimed the partition');
    }
  });

  test('more projectors than partitions are no error: one waits in reserve', async () => {
    const projectors = [1, 2, 3].map(() => pipeline().start(ARGS));
    await Promise.all(projectors.map((projector) => projector.logged('partitions assigned')));
    const reserve = await projectors[0]?.while('one has nothing, two have a partition each', () => {
      const shares = projectors.map((projector) => assigned(projector).length);
      return shares.toSorted().join() === '0,1,1' && projectors[shares.indexOf(0)];
    });
    await insertRuns(pipeline().pool, 10_001, 10_040);
    await pipeline().delivered();
    await allProjected(...projectors);
    const facts = await Promise.all(projectors.map(factsOfStopped));
    expect(facts.reduce((sum, { read }) => sum + read, 0)).toBe(40);
    expect(reserve?.isRunning).toBe(false);
    expect(await differences(pipeline())).toEqual([]);
  });

  test('after the rebalances, I1 to I18 hold', async () => {
    await expectInvariants(pipeline());
  });
}
