import { describe, expect, test } from 'vitest';
import { assertCurrentTopic, registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { Fenced } from '../../consumers/agent-test-history/batch/offsets.ts';
import { NO_CHANGES } from '../../consumers/agent-test-history/rule/changes.ts';
import { everything } from '../support/fingerprint.ts';
import { usePartitions } from '../support/partitions.ts';
import { inserted, updated } from '../support/records.ts';
import { runRecords, TOPIC_ID } from '../support/run-records.ts';

const topic = usePartitions();

describe('a topic', () => {
  const other = '99999999-9999-4999-8999-999999999999';
  const register = (topicId: string, partitions: number, accept = false) =>
    registerTopic(topic().pool, { topicId, name: 'topic', partitions }, accept);

  test('that is known with as many partitions is accepted, again and again', async () => {
    await register(TOPIC_ID, 4);
    await register(TOPIC_ID, 4);
    const { rows } = await topic().pool.query('SELECT topic_id, name, partitions FROM history_cdc.topic');
    expect(rows).toEqual([{ topic_id: TOPIC_ID, name: 'topic', partitions: 4 }]);
  });

  test('that was made again is refused by name and id, and accepted where a person says so', async () => {
    await expect(register(other, 4)).rejects.toMatchObject({
      code: 'TOPIC_RECREATED',
      facts: { topic: 'topic' },
    });
    await register(other, 4, true);
    await register(other, 4);
  });

  test('that was the current one earlier is refused as well, until a person accepts it again', async () => {
    const old = { topicId: TOPIC_ID, name: 'topic', partitions: 4 };
    await register(other, 4, true);
    await expect(register(TOPIC_ID, 4)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' });
    await expect(assertCurrentTopic(topic().pool, old)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' });
    await register(TOPIC_ID, 4, true);
    expect(await assertCurrentTopic(topic().pool, old)).toMatchObject({ topicId: TOPIC_ID });
    await expect(register(other, 4)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' });
  });

  test('that is no longer the current one changes nothing more: by a running projector, by a new claim, by a replay', async () => {
    const row = topic().ownersRow();
    const old = topic().commit([inserted(row)], await topic().claim('old pod'));
    await runRecords(old);
    await register(other, 4, true);
    const successor = await topic().claim('one', 0, other);
    await runRecords(topic().commit([updated({ ...row, summary: 'newer' })], successor));
    const before = await everything(topic().pool);
    const { claim } = old.mode;
    const more = [updated({ ...row, summary: 'older' })];
    const running = topic().commit(more, { claim, nextOffset: 1n });
    await expect(runRecords(running)).rejects.toBeInstanceOf(Fenced);
    await expect(runRecords({ ...running, mode: { kind: 'replay' } })).rejects.toBeInstanceOf(Fenced);
    expect(await everything(topic().pool)).toEqual(before);
    // A claim that was made behind the back of the acceptance, as by an old pod that was just being assigned.
    const late = topic().commit(more, await topic().claim('old pod', 2));
    await expect(runRecords(late)).rejects.toBeInstanceOf(Fenced);
    expect(await topic().run(row.id)).toMatchObject({ headline: 'newer' });
  });

  test.each([false, true])(
    'with another partition count is refused, whatever is accepted (%s)',
    async (accept) => {
      await expect(register(TOPIC_ID, 8, accept)).rejects.toMatchObject({
        code: 'PARTITIONS_CHANGED',
        facts: { topic: 'topic' },
      });
    },
  );

  test('that was accepted as the successor applies beyond every position of the old one', async () => {
    const row = topic().ownersRow();
    const claim = await topic().claim('one');
    await runRecords(topic().commit([inserted(row), updated(row), updated(row)], claim));
    await register(other, 4, true);
    const successor = await topic().claim('one', 1, other);
    const run = topic().commit([updated({ ...row, summary: 'newer' })], successor);
    await runRecords(run);
    expect(await topic().ledger(row.id)).toMatchObject({ topic_id: other, partition: 1, offset: 0 });
    expect(await topic().run(row.id)).toMatchObject({ headline: 'newer' });
    expect((await runRecords({ ...run, mode: { kind: 'replay' } })).changes).toEqual(NO_CHANGES);
  });

  test('in which a key turns up in a second partition stops the projector, and changes nothing', async () => {
    const row = topic().ownersRow();
    await runRecords(topic().commit([inserted(row)], await topic().claim('one')));
    const second = await topic().claim('one', 1);
    const before = await everything(topic().pool);
    await expect(
      runRecords(topic().commit([inserted(topic().ownersRow()), updated(row)], second)),
    ).rejects.toMatchObject({
      code: 'PARTITIONS_CHANGED',
      facts: { partition: 1, offset: '1' },
    });
    expect(await everything(topic().pool)).toEqual(before);
    expect(await topic().stored(1)).toEqual({ nextOffset: 0n, epoch: 1n });
  });
});
