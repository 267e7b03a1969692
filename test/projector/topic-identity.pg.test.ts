import { describe, expect, test } from 'vitest';
import { registerTopic } from '../../consumers/agent-test-history/offsets.ts';
import { NO_CHANGES } from '../../consumers/agent-test-history/changes.ts';
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
      message: `topic has topic id ${other}; the ledger holds positions of topic ${TOPIC_ID}`,
    });
    await register(other, 4, true);
    await register(other, 4);
    await register(TOPIC_ID, 4);
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
