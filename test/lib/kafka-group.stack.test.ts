import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { loadConfig } from '../../lib/config.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import type { Logger } from '../../lib/log.ts';
import { joinAsStranger } from '../support/stranger.ts';
import { until } from '../support/until.ts';

/* A consumer group in which another application is, on a real broker. */
const topic = `group-${randomBytes(5).toString('hex')}`;
const warnings: unknown[] = [];
const logger = {
  warn: (facts: unknown) => warnings.push(facts),
  debug: () => undefined,
} as unknown as Logger;
const config = () =>
  loadConfig({ KAFKA_BROKERS: inject('servers').kafkaBrokers }, undefined, ['KAFKA_BROKERS']);
let cluster: KafkaCluster;

beforeAll(async () => {
  cluster = await KafkaCluster.connect(config(), logger);
  await cluster.createTopics([{ name: topic, partitions: 2, replication: 1, config: {} }]);
});
afterAll(async () => {
  await cluster.deleteTopics([topic]);
  await cluster.close();
});

/** Joins as a projector does, and gives what it is told. */
async function join(group: string) {
  const failures: unknown[] = [];
  const consumer = await cluster.consume({
    ...{ group, topic, fetchBytes: 1_000 },
    assigned: (partitions) => Promise.resolve(new Map(partitions.map((partition) => [partition, 0n]))),
    records: () => Promise.resolve(),
    failed: (error) => failures.push(error),
  });
  return { consumer, failures };
}

test('a projector that cannot join names the client and its host', async () => {
  const group = `${topic}-range`;
  const leave = await joinAsStranger(config(), { group, topic, assigner: 'range' });
  const { consumer, failures } = await join(group);
  await until('it has failed', () => failures.length > 0);
  expect(failures).toMatchObject([
    { code: 'GROUP_TAKEN', facts: { group, strangers: 'billing at 127.0.0.1' } },
  ]);
  await consumer.stop();
  await leave();
});

test('a stranger that shares partitions out as we do is no projector, and is named in a warning', async () => {
  const group = `${topic}-same`;
  const leave = await joinAsStranger(config(), { group, topic });
  const { consumer, failures } = await join(group);
  const strangers = [{ clientId: 'billing', host: '127.0.0.1' }];
  await until('both are in', async () => (await cluster.describeGroup(group))?.ours === 1);
  expect(await cluster.describeGroup(group)).toEqual({ ours: 1, strangers });
  await until('the warning has come', () =>
    warnings.some(
      (facts) => JSON.stringify(facts) === JSON.stringify({ group, strangers: ['billing at 127.0.0.1'] }),
    ),
  );
  expect(failures).toEqual([]);
  await leave();
  await consumer.stop();
});

test('a group that nobody ever used does not exist', async () => {
  expect(await cluster.describeGroup(`${topic}-none`)).toBeUndefined();
});
