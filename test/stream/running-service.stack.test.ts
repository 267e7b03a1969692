import { expect, test } from 'vitest';
import { insertRuns, insertStory, MARKER, seedOrganisations } from '../support/application-rows.ts';
import {
  accountingErrors,
  contentHash,
  differences,
  ledgerDecisions,
  runsInAll,
} from '../support/canonical.ts';
import type { Command } from '../support/command.ts';
import { groupRecords, storedRecords } from '../support/faults.ts';
import { usePipeline, type RunFacts } from '../support/pipeline.ts';
import { serviceOf, type Service } from '../support/service.ts';
import { readTopic, type PlacedRecord } from '../support/topic-records.ts';

/** Of a schema that no registry knows. */
const UNKNOWN_SCHEMA = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 2, 2]);
const PARKED_KEYS = `SELECT encode(record_key, 'hex') AS key FROM history_cdc.quarantine WHERE record_key IS NOT NULL`;
const REFUSED = '20000000-0000-4000-8000-000000000001';

const pipeline = usePipeline({
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, 100);
  },
});

let projector: Command;
let service: Service;

async function everythingProjected(): Promise<void> {
  const records = await pipeline().records();
  await projector.while('everything is projected', async () => (await storedRecords(pipeline())) === records);
}

test('it serves /healthz at once, and /readyz once it has its partitions', async () => {
  projector = pipeline().start(['project', '--json']);
  service = await serviceOf(projector);
  const health = await fetch(`${service.url}/healthz`);
  expect([health.status, await health.json()]).toEqual([200, { alive: true }]);
  await projector.while('it is ready', async () => (await service.ready()).status === 200);
  await everythingProjected();
  expect(await differences(pipeline())).toEqual([]);
  const metrics = await countedMetrics();
  for (const [decision, count] of Object.entries(await ledgerDecisions(pipeline()))) {
    const counted = metrics.get(`history_cdc_decisions_total{decision="${decision}"}`);
    expect([decision, counted]).toEqual([decision, count]);
  }
});

/** The metrics, once they count the last record of the topic: they follow the commit. */
async function countedMetrics(): Promise<ReadonlyMap<string, number>> {
  const records = await pipeline().records();
  return await projector.while('every record is counted once', async () => {
    const metrics = await service.metrics();
    const outcomes = [...metrics].filter(([name]) => name.startsWith('history_cdc_records_total{'));
    return outcomes.reduce((sum, [, count]) => sum + count, 0) === records && metrics;
  });
}

test('changes flow while it runs', async () => {
  await insertRuns(pipeline().pool, 101, 120);
  await pipeline().query("UPDATE agent_test_history SET summary = 'changed' WHERE steps_passed = 3");
  await pipeline().query(
    'INSERT INTO oracle.kept_run SELECT * FROM oracle.expected_run WHERE tracks_passed = 4',
  );
  await pipeline().query('DELETE FROM agent_test_history WHERE steps_passed = 4');
  await pipeline().delivered();
  await everythingProjected();
  expect(await differences(pipeline())).toEqual([]);
  expect(await accountingErrors(pipeline())).toEqual([]);
});

test('records that cannot be read are parked with their bytes, and everything around them flows', async () => {
  const records = await readTopic(pipeline());
  const known = await keyOf('projected', records);
  const bytes = (text: string) => Buffer.from(`${text} ${MARKER}`);
  const cutShort = known.value?.subarray(0, 40) ?? null;
  const malformed = [
    { key: null, value: bytes('no key'), partition: 0 },
    { key: bytes('no schema'), value: null, partition: 1 },
    { key: UNKNOWN_SCHEMA, value: bytes('no value'), partition: 2 },
    { key: known.key, value: UNKNOWN_SCHEMA, partition: known.partition },
    { key: known.key, value: cutShort, partition: known.partition },
    { key: known.key, value: Buffer.alloc(0), partition: known.partition },
  ];
  const before = await ledgerDecisions(pipeline());
  const offsets = await pipeline().cluster.watermarks(pipeline().topic);
  await pipeline().produce(malformed);
  await insertRuns(pipeline().pool, 121, 140);
  await pipeline().delivered();
  await everythingProjected();

  const parked = await pipeline().query<{
    partition: number;
    offset: string;
    key: Buffer | null;
    value: Buffer | null;
  }>(
    'SELECT partition, "offset", record_key AS key, record_value AS value FROM history_cdc.quarantine ORDER BY partition, "offset"',
  );
  const byPlace = (rows: { partition: number }[]) => rows.toSorted((a, b) => a.partition - b.partition);
  const seen = new Map([...offsets].map(([partition, { high }]) => [partition, high]));
  const placed = malformed.map((record) => {
    const offset = seen.get(record.partition) ?? 0n;
    seen.set(record.partition, offset + 1n);
    return { ...record, offset: String(offset) };
  });
  expect(byPlace(parked)).toEqual(byPlace(placed));
  // Nothing was decided anew: the one key that could be read has its decision, and an owner's is never taken back.
  expect(await differences(pipeline())).toEqual([]);
  expect(await accountingErrors(pipeline())).toEqual([]);
  expect((await ledgerDecisions(pipeline()))['quarantined']).toBe(before['quarantined']);
});

async function keyOf(decision: string, records: readonly PlacedRecord[]): Promise<PlacedRecord> {
  const [{ partition, offset } = { partition: -1, offset: '' }] = await pipeline().query<{
    partition: number;
    offset: string;
  }>(
    `SELECT partition, "offset" FROM history_cdc.ledger WHERE decision = $1 AND source_deleted_at IS NULL ORDER BY legacy_id LIMIT 1`,
    [decision],
  );
  const found = records.find((record) => record.partition === partition && record.offset === BigInt(offset));
  if (found === undefined) throw new Error(`no record of the topic stands behind a ${decision} row`);
  return found;
}

test('the same records a second time, as Debezium may write them after a crash, change no content', async () => {
  const parked = new Set((await pipeline().query<{ key: string }>(PARKED_KEYS)).map(({ key }) => key));
  // Not of a row with parked records: a whole event behind them heals those, and the counts below would be others.
  const records = (await readTopic(pipeline())).filter(
    ({ key, value }) => key !== null && !parked.has(key.toString('hex')) && (value?.length ?? 0) > 100,
  );
  const newest = records.slice(-20);
  expect(newest).toHaveLength(20);
  const canonical = await runsInAll(pipeline());
  await pipeline().produce(newest.map(({ key, value, partition }) => ({ key, value, partition })));
  await everythingProjected();
  expect(await differences(pipeline())).toEqual([]);
  expect(await runsInAll(pipeline())).toBe(canonical);
});

test('the metrics add up with what is in the tables, and know at once what a person waived', async () => {
  const id = await pipeline().value<string>('SELECT min(id) FROM history_cdc.quarantine');
  const waiver = ['--by', 'the data owner', '--reason', 'no record of ours'];
  expect((await pipeline().run(['quarantine', 'waive', '--id', id, ...waiver])).code).toBe(0);
  const metrics = await countedMetrics();
  expect(metrics.get('history_cdc_records_total{outcome="quarantined"}')).toBe(6);
  expect(metrics.get('history_cdc_quarantine_records{state="open"}')).toBe(5);
  expect(metrics.get('history_cdc_quarantine_records{state="waived"}')).toBe(1);
  expect(metrics.get('history_cdc_canonical_rows_written_total{operation="insert"}')).toBe(
    await pipeline().value('SELECT count(*)::integer FROM oracle.actual_run'),
  );
  expect(metrics.get('history_cdc_canonical_rows_written_total{operation="update"}')).toBeGreaterThan(0);
  const lags = [0, 1, 2, 3].map((partition) =>
    metrics.get(`history_cdc_lag_records{partition="${String(partition)}"}`),
  );
  expect(lags).toEqual([0, 0, 0, 0]);
  expect(metrics.get('history_cdc_assigned_partitions')).toBe(4);
  expect(metrics.get('history_cdc_last_commit_timestamp_seconds')).toBeGreaterThan(Date.now() / 1000 - 600);
});

test('told to stop, it ends with exit code 0 and its facts, and tells Kafka how far it got', async () => {
  projector.signal('SIGTERM');
  const { code, stdout, stderr } = await projector.ended;
  expect(code).toBe(0);
  const records = await pipeline().records();
  const facts = JSON.parse(stdout) as RunFacts;
  expect(facts).toMatchObject({ read: records, stopped: 'signal', records: { quarantined: 6 } });
  expect(facts.quarantine).toEqual({ open: 5, waived: 1 });
  expect(await groupRecords(pipeline(), pipeline().config.CONSUMER_GROUP)).toBe(records);
  expect(stderr).toContain('records quarantined');
  await expect(fetch(`${service.url}/healthz`)).rejects.toThrow();
});

test('a replay parks nothing twice', async () => {
  const before = await contentHash(pipeline());
  const replay = await pipeline().facts(['replay']);
  expect(replay.changes.total).toBe(0);
  expect(await contentHash(pipeline())).toBe(before);
});

test('no value of a row, no byte of a parked record and no secret is in what it prints or serves', () => {
  const { output, settings } = pipeline();
  expect(output).toContain('records quarantined');
  expect(output).not.toContain(MARKER);
  expect(output).not.toContain(new URL(settings['DATABASE_URL'] ?? '').password);
});

test('a record of an unknown schema does not stop a fresh process, though it is the first that it meets', async () => {
  const { key, partition } = await keyOf('projected', await readTopic(pipeline()));
  await pipeline().produce([{ key, value: UNKNOWN_SCHEMA, partition }]);
  expect(await pipeline().project()).toMatchObject({
    read: 1,
    records: { quarantined: 1 },
    quarantine: { open: 6, waived: 1 },
  });
  expect(await pipeline().value('SELECT detail FROM history_cdc.quarantine ORDER BY id DESC LIMIT 1')).toBe(
    'the registry does not know schema 2147483647',
  );
});

test('what explain says about a parked row can be typed: once its cause is mended, the row is projected', async () => {
  await pipeline().query(
    "ALTER TABLE agent_compliance_runs ADD CONSTRAINT refused CHECK (headline <> 'refused')",
  );
  await insertStory(pipeline().pool, { id: REFUSED, summary: 'refused' });
  await pipeline().delivered();
  expect((await pipeline().project()).decisions).toEqual({ quarantined: 1 });
  await pipeline().query('ALTER TABLE agent_compliance_runs DROP CONSTRAINT refused');
  const { stdout } = await pipeline().run(['explain', REFUSED, '--no-events']);
  const [, command = ''] = /history-cdc (quarantine retry .* --apply) /.exec(stdout) ?? [];
  const { code, stdout: answer } = await pipeline().run(command.split(' '));
  expect(code).toBe(0);
  expect(answer).toMatch(new RegExp(` ${REFUSED} .* projected \\((history|straggler)\\)`));
  expect(await differences(pipeline())).toEqual([]);
  expect(await accountingErrors(pipeline())).toEqual([]);
});
