import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { expect, inject, test } from 'vitest';
import { desiredConnector } from '../../connectors/deploy/desired.ts';
import { connectClient } from '../../connectors/deploy/target.ts';
import { instanceOf } from '../../stack/state.ts';
import { insertRuns, insertStory, largeProfile, seedOrganisations } from '../support/application-rows.ts';
import { accountingErrors, differences } from '../support/canonical.ts';
import { usePipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const ROWS_OF_SNAPSHOT = 1500;
/** In the order of their numbers. */
const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
const id = (n: number) => `60000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

// One partition, so that the last batch is that of the last change.
const pipeline = usePipeline({
  partitions: 1,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS_OF_SNAPSHOT);
    // Random content in the middle of repetitive rows: blocks that a codec stores as they are.
    for (let n = 0; n < 40; n++) await insertStory(pool, { id: id(n), profile: largeProfile(id(n)) });
  },
  connected: false,
});

interface Batch {
  readonly file: string;
  readonly attributesAt: number;
  readonly codec: number;
  readonly records: number;
}

/** The batches of the data topic as they lie on the broker's disk. */
function batchesOnDisk(): Batch[] {
  const folder = path.join(
    instanceOf(process.env, inject('instance')).folder,
    'kafka',
    `${pipeline().topic}-0`,
  );
  const segments = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return segments.sort().flatMap((name) => {
    const file = path.join(folder, name);
    const bytes = readFileSync(file);
    const batches: Batch[] = [];
    for (let at = 0; at + 61 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
      const codec = bytes.readInt16BE(at + 21) & 7;
      batches.push({ file, attributesAt: at + 22, codec, records: bytes.readInt32BE(at + 57) });
    }
    return batches;
  });
}

/** What Connect's own producer compresses with. */
async function connectWith(codec: string): Promise<void> {
  const { name, config } = desiredConnector(pipeline().config);
  const compressed = { ...config, 'producer.override.compression.type': codec };
  await connectClient(pipeline().config).putConfig(name, compressed);
}

/** Sets settings of the data topic beside those with which `connector apply` creates it. */
async function alterTopic(settings: Readonly<Record<string, string>>): Promise<void> {
  const { cluster, topic, config } = pipeline();
  const spec = desiredConnector(config).topics.find(({ name }) => name === topic);
  await cluster.alterTopicConfig(topic, { ...spec?.config, ...settings });
}

async function expectAllRight(): Promise<void> {
  expect(await differences(pipeline())).toEqual([]);
  expect(await accountingErrors(pipeline())).toEqual([]);
}

test("a snapshot in zstd, by Connect's own producer, is projected as plain SQL says", async () => {
  await pipeline().cluster.createTopics(desiredConnector(pipeline().config).topics);
  await connectWith('zstd');
  await pipeline().delivered();
  expect(batchesOnDisk().filter(({ codec }) => codec !== CODECS.indexOf('zstd') + 1)).toEqual([]);
  const facts = await pipeline().project();
  expect(facts.records.applied).toBe(ROWS_OF_SNAPSHOT + 40);
  await expectAllRight();
});

test.each(CODECS.map((codec, index) => ({ codec, number: index + 1, first: 10_000 + index * 1000 })))(
  'a stream that the broker compresses with $codec is projected, large rows too',
  async ({ codec, number, first }) => {
    const { pool } = pipeline();
    // The broker compresses each batch again. A restart of the connector could deliver records twice.
    await alterTopic({ 'compression.type': codec });
    let next = first;
    await until(`the broker writes in ${codec}`, async () => {
      await insertStory(pool, { id: id(next++) });
      await pipeline().delivered();
      return batchesOnDisk().at(-1)?.codec === number;
    });
    const before = batchesOnDisk().length;
    await insertRuns(pool, first, first + 499);
    await insertStory(pool, { id: id(next), profile: largeProfile(id(next)) });
    await pipeline().delivered();
    const used = batchesOnDisk().slice(before);
    expect(used.filter((batch) => batch.codec !== number)).toEqual([]);
    expect(used.reduce((sum, { records }) => sum + records, 0)).toBe(501);
    await pipeline().project();
    await expectAllRight();
  },
);

test('a codec that nobody knows ends the projector, which names the topic and loses nothing', async () => {
  await insertRuns(pipeline().pool, 20_000, 20_099);
  await pipeline().delivered();
  const last = batchesOnDisk().at(-1);
  if (last === undefined) throw new Error('there is no batch');
  const mark = (codec: number) => {
    const file = openSync(last.file, 'r+');
    writeSync(file, Buffer.from([codec]), 0, 1, last.attributesAt);
    closeSync(file);
  };
  mark(5);
  for (const args of [['project', '--until-caught-up'], ['replay']]) {
    const { code, stderr } = await pipeline().run(args);
    expect(stderr).toMatch(/^error TOPIC_COMPRESSION: /m);
    expect(stderr).toContain(pipeline().topic);
    expect(code).toBe(2);
  }
  mark(last.codec);
  expect((await pipeline().project()).decisions).toEqual(
    expect.objectContaining({ projected: expect.any(Number) as number }),
  );
  await expectAllRight();
});

test('doctor names what the cluster gave the topic and what can lose or hold back records', async () => {
  const risks = {
    'min.insync.replicas': '2',
    'unclean.leader.election.enable': 'true',
    'message.timestamp.type': 'LogAppendTime',
  };
  const asked = async () => {
    const { stdout } = await pipeline().run(['doctor', '--only', 'topic-settings', '--json']);
    const { checks } = JSON.parse(stdout) as { checks: { verdict: string; evidence: string }[] };
    return checks[0];
  };
  await alterTopic(risks);
  await until('doctor sees all of it', async () => {
    const check = await asked();
    return Object.keys(risks).every((name) => check?.evidence.includes(`${name} is `) === true);
  });
  expect(await asked()).toMatchObject({ verdict: 'failed' });
  await alterTopic({ 'unclean.leader.election.enable': 'true' });
  await until('it is a warning', async () => (await asked())?.verdict === 'warning');
  await alterTopic({});
  await until('all is well', async () => (await asked())?.verdict === 'ok');
});
