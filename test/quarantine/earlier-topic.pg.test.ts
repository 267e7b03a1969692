import { expect, test } from 'vitest';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import { retryParked, type RetryAnswer } from '../../operations/quarantine/retry.ts';
import { usePartitions } from '../support/partitions.ts';
import { inserted, PLACEHOLDER, updated } from '../support/records.ts';
import { MATCHING, runRecords } from '../support/run-records.ts';

const topic = usePartitions();
const OTHER = '99999999-9999-4999-8999-999999999999';

async function retry(): Promise<readonly RetryAnswer[]> {
  const answers: RetryAnswer[] = [];
  const { pool } = topic();
  await retryParked({
    context: { canonical: pool, legacy: pool, optOutPolicy: 'respect', matching: MATCHING },
    decode: createDecoder(undefined, PLACEHOLDER),
    filter: {},
    dryRun: false,
    maxAttempts: 10,
    retrying: () => undefined,
    retried: (records) => answers.push(...records),
  });
  return answers;
}

test('a record of an earlier topic decides nothing, until a person accepts that topic again', async () => {
  const row = topic().ownersRow();
  await runRecords(topic().commit([updated(row, 'summary')], await topic().claim('one')));
  await topic().legacyRow(row);
  await registerTopic(topic().pool, { topicId: OTHER, name: 'topic', partitions: 4 }, true);
  expect(await retry()).toMatchObject([{ outcome: 'waiting', legacyId: row.id }]);
  expect(await topic().effects()).toEqual({ decisions: 0, runs: 0 });
  const [parked] = await topic().quarantined();
  expect(parked).toMatchObject({ healed_at: null, waived_at: null });
  await registerTopic(
    topic().pool,
    { topicId: String(parked?.['topic_id']), name: 'topic', partitions: 4 },
    true,
  );
  expect(await retry()).toMatchObject([{ outcome: 'decided', decision: 'projected' }]);
  expect(await topic().effects()).toEqual({ decisions: 1, runs: 1 });
});

test('a record of an earlier topic is superseded once the current topic brought its row', async () => {
  const row = topic().ownersRow();
  const partial = topic().commit([updated(row, 'summary')], await topic().claim('one'));
  await runRecords(partial);
  // A record that was parked without its key, so that the next image of the row does not heal it.
  await topic().pool.query('UPDATE history_cdc.quarantine SET legacy_id = NULL');
  await registerTopic(topic().pool, { topicId: OTHER, name: 'topic', partitions: 4 }, true);
  await runRecords(topic().commit([inserted(row)], await topic().claim('one', 0, OTHER)));
  expect(await retry()).toMatchObject([{ outcome: 'superseded' }]);
});
