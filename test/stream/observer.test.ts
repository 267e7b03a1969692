import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { RunObserver } from '../../consumers/agent-test-history/stream/observer.ts';
import { emptyResult, type BatchResult } from '../../consumers/agent-test-history/batch/result.ts';
import { createMetrics, type Metrics } from '../../lib/metrics.ts';

let now: number;
let metrics: Metrics;
let lines: Record<string, unknown>[];
let progress: number[];
let observer: RunObserver;

beforeEach(() => {
  now = 1_000_000;
  metrics = createMetrics();
  lines = [];
  progress = [];
  const logger = pino(
    { level: 'debug' },
    { write: (line: string) => lines.push(JSON.parse(line) as (typeof lines)[0]) },
  );
  observer = new RunObserver({ metrics, logger, now: () => now }, (read) => progress.push(read));
});

const result = (values: Partial<BatchResult> = {}): BatchResult => ({
  ...emptyResult(),
  read: 10,
  ...values,
});
const commit = (partition: number, nextOffset: bigint, values: Partial<BatchResult> = {}) => {
  observer.committed({ offsets: new Map([[partition, nextOffset]]), seconds: 0.01, result: result(values) });
};
const seconds = (count: number) => {
  now += count * 1_000;
};
const READY = { ready: true };
const assign = (...partitions: number[]) => {
  observer.assigned(partitions.map((partition) => ({ partition, nextOffset: 0n, highWatermark: 0n })));
};
const stuck = (where: string, why = 'none of its transactions is committed') => ({
  ready: false,
  reason: `partition ${where}: ${why}`,
});

describe('a projector is ready', () => {
  test('not before the group has assigned something', () => {
    expect(observer.readiness()).toEqual({
      ready: false,
      reason: 'the consumer group has not assigned any partition yet',
    });
    assign(0);
    expect(observer.readiness()).toEqual(READY);
  });

  test('with no partition at all: there are more projectors than partitions', () => {
    assign();
    seconds(3_600);
    expect(observer.readiness()).toEqual(READY);
  });

  test('while its partitions bring nothing, however long', () => {
    assign(0, 1);
    seconds(3_600);
    expect(observer.readiness()).toEqual(READY);
  });

  test('while it is caught up, however long nothing comes', () => {
    assign(0);
    observer.fetched(0, 10n);
    commit(0, 10n);
    seconds(3_600);
    expect(observer.readiness()).toEqual(READY);
  });

  test('right after a long idle time ends: the wait for records was no standstill', () => {
    assign(0);
    observer.fetched(0, 10n);
    commit(0, 10n);
    seconds(3_600);
    observer.fetched(0, 20n);
    expect(observer.readiness()).toEqual(READY);
    seconds(20);
    expect(observer.readiness()).toEqual(READY);
    seconds(1);
    expect(observer.readiness()).toEqual(stuck('0 stands at offset 10 for 21 s, and the topic ends at 20'));
  });

  test('while it is behind, and commits', () => {
    assign(0);
    observer.fetched(0, 1_000n);
    for (let offset = 10n; offset < 100n; offset += 10n) {
      seconds(19);
      commit(0, offset);
      observer.fetched(0, 1_000n);
      expect(observer.readiness()).toEqual(READY);
    }
  });

  test('no longer when one partition stands still, among others that move; and again when it commits', () => {
    assign(0, 1);
    observer.fetched(1, 10n);
    for (let offset = 10n; offset <= 40n; offset += 10n) {
      observer.fetched(0, offset);
      commit(0, offset);
      expect(observer.readiness()).toEqual(READY);
      seconds(5);
    }
    seconds(1);
    observer.fetched(1, 30n);
    expect(observer.readiness()).toEqual(stuck('1 stands at offset 0 for 21 s, and the topic ends at 30'));
    commit(1, 30n);
    expect(observer.readiness()).toEqual(READY);
  });

  test('not from the first look on, where a partition was behind when it was assigned and commits nothing', () => {
    observer.assigned([{ partition: 3, nextOffset: 7n, highWatermark: 9n }]);
    seconds(21);
    expect(observer.readiness()).toEqual(stuck('3 stands at offset 7 for 21 s, and the topic ends at 9'));
  });

  test('no longer while Postgres is in the way, and again after the next commit', () => {
    assign(0, 1);
    observer.fetched(1, 4n);
    seconds(2);
    observer.retrying(1, Object.assign(new Error('values of a row'), { code: '57P03' }));
    expect(observer.readiness()).toEqual(
      stuck(
        '1 stands at offset 0 for 2 s, and the topic ends at 4',
        'Postgres does not carry out its transaction (57P03)',
      ),
    );
    commit(0, 1n);
    expect(observer.readiness()).toMatchObject({ ready: false });
    commit(1, 1n);
    expect(observer.readiness()).toEqual(READY);
  });

  test('no longer when Kafka has not answered for 15 s, and again when it does', () => {
    assign(0);
    observer.kafkaAnswered();
    seconds(15);
    expect(observer.readiness()).toEqual(READY);
    seconds(1);
    expect(observer.readiness()).toEqual({ ready: false, reason: 'Kafka has not answered for 16 s' });
    observer.kafkaAnswered();
    expect(observer.readiness()).toEqual(READY);
  });

  test('after a new assignment, whatever the partitions of the last one did', () => {
    assign(0);
    observer.fetched(0, 10n);
    observer.retrying(0, new Error('x'));
    seconds(3_600);
    assign(1);
    expect(observer.readiness()).toEqual(READY);
  });
});

describe('what a projector did', () => {
  const first = {
    read: 10,
    records: { applied: 7, duplicate: 1, stale: 1, tombstone: 1, quarantined: 0 },
    decisions: { projected: 4, third_party: 3 },
    leftOut: { summary: 2 },
    changes: { runsInserted: 4, runsUpdated: 1, runsDeleted: 0, ledgerWritten: 7 },
  };
  const second = {
    read: 3,
    records: { applied: 2, duplicate: 0, stale: 0, tombstone: 0, quarantined: 1 },
    decisions: { projected: 2, quarantined: 1 },
    leftOut: {},
    changes: { runsInserted: 2, runsUpdated: 0, runsDeleted: 0, ledgerWritten: 3 },
  };

  test('is summed up over batches and partitions', () => {
    assign(0, 1);
    commit(0, 10n, first);
    commit(1, 3n, second);
    expect(observer.total).toEqual({
      read: 13,
      records: { applied: 9, duplicate: 1, stale: 1, tombstone: 1, quarantined: 1 },
      decisions: { projected: 6, third_party: 3, quarantined: 1 },
      leftOut: { summary: 2 },
      changes: { runsInserted: 6, runsUpdated: 1, runsDeleted: 0, ledgerWritten: 10 },
    });
    expect(progress).toEqual([10, 13]);
  });

  test('is counted in metrics, with the lag of each partition', async () => {
    assign(0, 1);
    observer.fetched(0, 25n);
    commit(0, 10n, first);
    commit(0, 13n, second);
    observer.retrying(1, new Error('x'));
    const text = await metrics.registry.metrics();
    const lineOf = (name: string) => text.split('\n').find((line) => line.startsWith(name));
    for (const line of [
      'history_cdc_records_total{outcome="applied"} 9',
      'history_cdc_records_total{outcome="quarantined"} 1',
      'history_cdc_decisions_total{decision="projected"} 6',
      'history_cdc_canonical_rows_written_total{operation="insert"} 6',
      'history_cdc_canonical_rows_written_total{operation="update"} 1',
      'history_cdc_values_left_out_total{column="summary"} 2',
      'history_cdc_batch_records_sum 13',
      'history_cdc_batch_duration_seconds_count 2',
      'history_cdc_lag_records{partition="0"} 12',
      'history_cdc_assigned_partitions 2',
      'history_cdc_transaction_retries_total 1',
    ])
      expect(lineOf(line.slice(0, line.lastIndexOf(' ') + 1))).toBe(line);
  });

  test('is counted of each commit: rows deleted, its time, and when it was', async () => {
    assign(0);
    const before = Date.now() / 1000;
    commit(0, 10n, { changes: { ...first.changes, runsDeleted: 2 } });
    const only = async (metric: { get(): Promise<{ values: { value: number; labels: object }[] }> }) =>
      (await metric.get()).values;
    expect(await only(metrics.canonicalRows)).toContainEqual({ value: 2, labels: { operation: 'delete' } });
    const text = await metrics.registry.metrics();
    expect(text).toContain('history_cdc_batch_duration_seconds_sum 0.01');
    const [committed] = await only(metrics.lastCommit);
    expect(committed?.value).toBeGreaterThanOrEqual(before);
  });

  test('is shown as soon as more comes, and is never below none', async () => {
    const lag = async () => (await metrics.lag.get()).values.map(({ value }) => value);
    assign(0);
    observer.fetched(0, 10n);
    commit(0, 10n);
    observer.fetched(0, 25n);
    expect(await lag()).toEqual([15]);
    commit(0, 30n);
    expect(await lag()).toEqual([0]);
  });

  test('is shown of a partition that has committed nothing since its assignment', async () => {
    observer.assigned([{ partition: 2, nextOffset: 40n, highWatermark: 52n }]);
    expect((await metrics.lag.get()).values).toEqual([{ value: 12, labels: { partition: 2 } }]);
  });

  test('of a partition that went elsewhere leaves no lag behind', async () => {
    assign(0);
    observer.fetched(0, 25n);
    commit(0, 10n);
    assign(1);
    expect(await metrics.registry.metrics()).not.toContain('history_cdc_lag_records{partition="0"}');
  });

  test('is logged where it matters: quarantined records always, a fault of Postgres once', () => {
    assign(0);
    commit(0, 10n, first);
    commit(0, 13n, second);
    for (let attempt = 0; attempt < 5; attempt++) observer.retrying(0, new Error('server is starting up'));
    commit(0, 14n);
    observer.retrying(0, new Error('server is starting up'));
    expect(lines.map(({ msg, partition, nextOffsets }) => [msg, partition ?? nextOffsets])).toEqual([
      ['partitions assigned', undefined],
      ['records quarantined', { 0: '13' }],
      ['Postgres does not carry out a transaction; nothing is lost, and the transaction is tried again', 0],
      ['Postgres does not carry out a transaction; nothing is lost, and the transaction is tried again', 0],
    ]);
  });
});
