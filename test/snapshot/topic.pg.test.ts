import { expect, test } from 'vitest';
import type { Session } from '../../operations/snapshot/session.ts';
import { assertOurTopic, startSnapshot } from '../../operations/snapshot/start.ts';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { loadConfig } from '../../lib/config.ts';
import { usePartitions } from '../support/partitions.ts';
import { TOPIC_ID } from '../support/run-records.ts';

const topic = usePartitions();
const OTHER = '99999999-9999-4999-8999-999999999999';
const start = (topicId: string | undefined, partitions = 4) => {
  const identity = topicId === undefined ? undefined : { topicId, partitions };
  return assertOurTopic(topic().pool, { describeTopic: () => Promise.resolve(identity) }, 'topic');
};

test('a snapshot goes into the topic that the ledger belongs to, and into no other', async () => {
  await start(TOPIC_ID);
  await expect(start(OTHER)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' });
  await expect(start(TOPIC_ID, 8)).rejects.toMatchObject({ code: 'PARTITIONS_CHANGED' });
});

test('a topic that was the current one earlier is refused, until a person accepts it again', async () => {
  await registerTopic(topic().pool, { topicId: OTHER, name: 'topic', partitions: 4 }, true);
  await expect(start(TOPIC_ID)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' });
  await start(OTHER);
});

test('before anything was projected, and where the topic is missing, this refuses nothing', async () => {
  await start(undefined);
  await topic().pool.query('TRUNCATE history_cdc.topic CASCADE');
  await start(OTHER);
});

test('`snapshot start` asks for it before it does anything else', async () => {
  const cluster = { describeTopic: () => Promise.resolve({ topicId: OTHER, partitions: 4 }) };
  const { pool } = topic();
  const config = loadConfig({}, undefined);
  const session = {
    canonical: pool,
    legacy: pool,
    services: { kafka: () => Promise.resolve(cluster) },
    config,
  } as unknown as Session;
  const options = { scope: { kind: 'table' }, timeoutMs: 1_000, again: '' } as const;
  await expect(startSnapshot(session, options)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' });
  expect((await pool.query('SELECT FROM history_cdc.action')).rowCount).toBe(0);
});
