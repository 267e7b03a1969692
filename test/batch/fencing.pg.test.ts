import { describe, expect, test } from 'vitest';
import { Fenced, takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { createPool } from '../../lib/postgres.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { everything } from '../support/fingerprint.ts';
import { usePartitions } from '../support/partitions.ts';
import { inserted } from '../support/records.ts';
import { asRecords, runRecords, TOPIC_ID } from '../support/run-records.ts';

const topic = usePartitions();

describe('a partition', () => {
  test('that was never taken is read from the offset given, with epoch 1', async () => {
    const { claim, nextOffset } = await takeOver(
      topic().pool,
      { topicId: TOPIC_ID, partition: 2, offset: 7n },
      'first',
    );
    expect({ claim, nextOffset }).toEqual({
      claim: { topicId: TOPIC_ID, partition: 2, epoch: 1n },
      nextOffset: 7n,
    });
  });

  test('that is taken over has the next epoch, goes on where the last commit ended, and names its projector', async () => {
    await runRecords(topic().commit([inserted(topic().ownersRow())], await topic().claim('first')));
    const { claim, nextOffset } = await topic().claim('second');
    expect({ epoch: claim.epoch, nextOffset }).toEqual({ epoch: 2n, nextOffset: 1n });
    const { rows } = await topic().pool.query('SELECT projector FROM history_cdc.consumer_offset');
    expect(rows).toEqual([{ projector: 'second' }]);
  });

  test('moves its offset by each committed batch, tombstones and gaps in the offsets included', async () => {
    const claim = await topic().claim('first');
    const run = topic().commit([inserted(topic().ownersRow()), inserted(topic().ownersRow())], claim);
    const withGap = run.records.map((record, index) => (index === 1 ? { ...record, offset: 41n } : record));
    await runRecords({ ...run, records: withGap, rows: 1 });
    expect(await topic().stored()).toEqual({ nextOffset: 42n, epoch: 1n });
  });
});

describe('a projector that was fenced', () => {
  test('commits nothing: neither effects nor offset, in any table', async () => {
    const first = await topic().claim('first');
    await topic().claim('second');
    const [before, offset] = [await everything(topic().pool), await topic().stored()];
    await expect(runRecords(topic().commit([inserted(topic().ownersRow())], first))).rejects.toBeInstanceOf(
      Fenced,
    );
    expect(await everything(topic().pool)).toEqual(before);
    expect(await topic().stored()).toEqual(offset);
  });

  test('after it had committed a part, adds nothing to it', async () => {
    const first = await topic().claim('first');
    const rows = [topic().ownersRow(), topic().ownersRow()] as const;
    await runRecords(topic().commit([inserted(rows[0])], first));
    await topic().claim('second');
    const late = { ...first, nextOffset: 1n };
    await expect(runRecords(topic().commit([inserted(rows[1])], late))).rejects.toBeInstanceOf(Fenced);
    expect(await topic().effects()).toEqual({ decisions: 1, runs: 1 });
  });

  test('cannot commit from an offset that is not the stored one, with a valid epoch either', async () => {
    const claim = await topic().claim('first');
    const before = await everything(topic().pool);
    const ahead = { ...claim, nextOffset: 5n };
    const run = {
      ...topic().commit([inserted(topic().ownersRow())], ahead),
      records: asRecords([inserted(topic().ownersRow())], 5n),
    };
    await expect(runRecords(run)).rejects.toBeInstanceOf(Fenced);
    expect(await everything(topic().pool)).toEqual(before);
  });
});

describe('several at once on the same records', () => {
  test('two sessions with the very same claim: one commits, the other is fenced', async () => {
    const claim = await topic().claim('both');
    const messages = Array.from({ length: 20 }, () => inserted(topic().ownersRow()));
    const results = await Promise.allSettled([0, 1].map(() => runRecords(topic().commit(messages, claim))));
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const reasons = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(reasons[0]).toBeInstanceOf(Fenced);
    expect(await topic().effects()).toEqual({ decisions: 20, runs: 20 });
    expect(await topic().stored()).toEqual({ nextOffset: 20n, epoch: 1n });
  });

  test('a projector and six replays: together they write each row once', async () => {
    const claim = await topic().claim('one');
    const messages = Array.from({ length: 20 }, () => inserted(topic().ownersRow()));
    const committing = topic().commit(messages, claim);
    const replaying = { ...committing, mode: { kind: 'replay' } as const, rows: 7 };
    const results = await Promise.all([
      ...Array.from({ length: 3 }, () => runRecords(replaying)),
      runRecords(committing),
      ...Array.from({ length: 3 }, () => runRecords(replaying)),
    ]);
    const sum = (pick: (result: (typeof results)[number]) => number) =>
      results.reduce((total, result) => total + pick(result), 0);
    expect(sum(({ changes }) => changes.runsInserted)).toBe(20);
    expect(sum(({ changes }) => changes.ledgerWritten)).toBe(20);
    expect(sum(({ records }) => records.applied)).toBe(20);
    expect(sum(({ records }) => records.duplicate)).toBe(6 * 20);
    expect(await topic().effects()).toEqual({ decisions: 20, runs: 20 });
  });

  test('four partitions: each commits its own, and none waits for another for good', async () => {
    const claims = await Promise.all([0, 1, 2, 3].map((partition) => topic().claim('one', partition)));
    const runs = claims.map((claim) =>
      runRecords({
        ...topic().commit(
          Array.from({ length: 25 }, () => inserted(topic().ownersRow())),
          claim,
        ),
        rows: 4,
      }),
    );
    for (const result of await Promise.all(runs)) expect(result.records.applied).toBe(25);
    expect(await topic().effects()).toEqual({ decisions: 100, runs: 100 });
  });
});

describe('a connection that is cut', () => {
  // As the wire has it: BEGIN names an isolation level that begins with the same word.
  const COMMIT = 'COMMIT\0';
  const insertedRun = 'INSERT INTO public.agent_compliance_runs';

  test.each([
    { moment: 'when Postgres has committed and answers', when: 'answer', text: COMMIT, lost: true },
    { moment: 'before COMMIT reaches Postgres', when: 'before', text: COMMIT },
    { moment: 'before the effects are written', when: 'before', text: insertedRun },
    { moment: 'when the effects are written', when: 'answer', text: insertedRun },
    { moment: 'before the transaction begins', when: 'before', text: 'BEGIN' },
  ] as const)('$moment: the batch is tried again, and has one effect', async (cut) => {
    const proxy = await startCuttingProxy(topic().url);
    const pool = createPool({ url: proxy.url, name: 'test behind a proxy', connections: 2 });
    try {
      const claim = await topic().claim('one');
      const retries: Error[] = [];
      proxy.cutOnce(cut.when, cut.text);
      const result = await runRecords({
        ...topic().commit([inserted(topic().ownersRow()), inserted(topic().ownersRow())], claim, pool),
        rows: 1,
        retrying: (error) => retries.push(error),
      });
      expect(proxy.cuts).toBe(1);
      expect(retries).toHaveLength(1);
      expect(result.records).toMatchObject('lost' in cut ? { applied: 1, duplicate: 1 } : { applied: 2 });
      expect(result.read).toBe(2);
      expect(await topic().effects()).toEqual({ decisions: 2, runs: 2 });
      expect(await topic().stored()).toEqual({ nextOffset: 2n, epoch: 1n });
    } finally {
      await pool.end();
      await proxy.close();
    }
  });
});
