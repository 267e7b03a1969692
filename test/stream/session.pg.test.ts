import { describe, expect, test } from 'vitest';
import { Commit } from '../../consumers/agent-test-history/stream/commit.ts';
import { PartitionSession } from '../../consumers/agent-test-history/stream/partition-session.ts';
import type { BatchResult } from '../../consumers/agent-test-history/batch/result.ts';
import { Turns } from '../../consumers/agent-test-history/stream/turns.ts';
import { usePartitions } from '../support/partitions.ts';
import { deleted, envelopeOf, inserted, type Message } from '../support/records.ts';
import {
  fetchOf,
  jsonDecoder,
  noBreaker,
  runRecords,
  TOPIC_ID,
  type SessionRun,
} from '../support/run-records.ts';
import { until } from '../support/until.ts';

const topic = usePartitions();

const truncate: Message = { id: null, key: null, value: Buffer.from(JSON.stringify(envelopeOf('t', {}))) };
/** Debezium writes none with a key; if another tool does, it is a truncate all the same. */
const keyedTruncate = (id: string): Message => ({ ...deleted(id), value: truncate.value });

describe('a truncate of the legacy table', () => {
  test.each([
    ['without a key', () => truncate],
    ['with a key', () => keyedTruncate(topic().ownersRow().id)],
  ])(
    '%s stops the projector: what stands before it is committed, it and what follows is not',
    async (_, record) => {
      const run = topic().commit(
        [inserted(topic().ownersRow()), record(), inserted(topic().ownersRow())],
        await topic().claim('one'),
      );
      await expect(runRecords(run)).rejects.toMatchObject({
        code: 'SOURCE_TRUNCATED',
        wayOut: expect.stringContaining('project --accept-truncate 0:1') as unknown,
        facts: { partition: 0, offset: '1' },
      });
      expect(await topic().effects()).toEqual({ decisions: 1, runs: 1 });
      expect(await topic().stored()).toMatchObject({ nextOffset: 1n });
    },
  );

  test('that a person accepted is gone past, and nothing of ours is removed', async () => {
    const rows = [topic().ownersRow(), topic().ownersRow(), topic().ownersRow()].map(inserted);
    const run = topic().commit(
      [...rows.slice(0, 1), truncate, ...rows.slice(1), truncate],
      await topic().claim('one'),
    );
    const result = await runRecords({
      ...run,
      isAcceptedTruncate: (partition, offset) => partition === 0 && (offset === 1n || offset === 4n),
    });
    expect(result.records).toMatchObject({ applied: 3 });
    expect(await topic().effects()).toEqual({ decisions: 3, runs: 3 });
    expect(await topic().stored()).toMatchObject({ nextOffset: 5n });
    const { rows: recorded } = await topic().pool.query(
      'SELECT partition, "offset"::integer AS offset FROM history_cdc.truncated ORDER BY 2',
    );
    expect(recorded, 'reconcile is told').toEqual([
      { partition: 0, offset: 1 },
      { partition: 0, offset: 4 },
    ]);
  });

  test('that a person accepted elsewhere still stops the projector', async () => {
    const run = topic().commit([truncate], await topic().claim('one'));
    const isAcceptedTruncate = (partition: number, offset: bigint) => partition === 1 || offset === 1n;
    await expect(runRecords({ ...run, isAcceptedTruncate })).rejects.toMatchObject({
      code: 'SOURCE_TRUNCATED',
    });
    expect(await topic().stored()).toMatchObject({ nextOffset: 0n });
  });
});

/** A session that the test feeds and closes itself. */
function openSession(run: SessionRun) {
  const committed: BatchResult[] = [];
  const retries: Error[] = [];
  const commit = new Commit({
    context: run.context,
    breaker: noBreaker(),
    committed: ({ result }) => committed.push(result),
    retrying: (_, error) => retries.push(error),
  });
  const session = new PartitionSession({
    mode: run.mode,
    decode: jsonDecoder,
    bounds: { rows: run.rows, bytes: 1_000_000 },
    topicId: TOPIC_ID,
    partition: 0,
    firstOffset: 0n,
    turns: new Turns(1, commit),
    isAcceptedTruncate: () => false,
  });
  return { session, running: session.run(), committed, retries };
}

/** Holds the row of the stored offset, for which every transaction of a session waits first. */
async function holdPartition() {
  const client = await topic().pool.connect();
  await client.query('BEGIN');
  await client.query('SELECT FROM history_cdc.consumer_offset FOR UPDATE');
  return {
    release: async () => {
      await client.query('COMMIT');
      client.release();
    },
  };
}

/** The backend of the session that waits for the held partition, once one does. */
async function seenWaiting(): Promise<number> {
  return await until('the session waits for the partition', async () => {
    const { rows } = await topic().pool.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%consumer_offset%'`,
    );
    return rows[0]?.pid;
  });
}

describe('a session', () => {
  test('that is closed in the middle of a transaction finishes it, counts it, and takes no other', async () => {
    const run = topic().commit(
      [inserted(topic().ownersRow()), inserted(topic().ownersRow())],
      await topic().claim('one'),
    );
    const held = await holdPartition();
    const { session, running, committed } = openSession({ ...run, rows: 1 });
    await session.accept(fetchOf(run.records));
    await seenWaiting();
    session.close();
    await held.release();
    await running;
    expect(committed.map(({ records }) => records.applied)).toEqual([1]);
    expect(session.nextToApply).toBe(1n);
    expect(await topic().effects()).toEqual({ decisions: 1, runs: 1 });
    expect(await topic().stored()).toMatchObject({ nextOffset: 1n });
  });

  test('whose backend is ended in the middle of a transaction tries again, and has one effect', async () => {
    const run = topic().commit([inserted(topic().ownersRow())], await topic().claim('one'));
    const held = await holdPartition();
    const { session, running, committed, retries } = openSession(run);
    await session.accept(fetchOf(run.records));
    const pid = await seenWaiting();
    await topic().pool.query('SELECT pg_terminate_backend($1)', [pid]);
    await until('the session notices', () => retries.length > 0);
    await held.release();
    await until('the session commits', () => committed.length > 0);
    session.close();
    await running;
    expect(retries).toHaveLength(1);
    expect(await topic().effects()).toEqual({ decisions: 1, runs: 1 });
  });

  test('that is given records it has taken in already takes each once', async () => {
    const messages = [1, 2, 3].map(() => inserted(topic().ownersRow()));
    const run = topic().commit(messages, await topic().claim('one'));
    const { session, running, committed } = openSession(run);
    await session.accept(fetchOf(run.records.slice(0, 2)));
    await session.accept(fetchOf(run.records.slice(0, 2)));
    await session.accept(fetchOf(run.records.slice(1)));
    await until('all is committed', () => session.nextToApply === 3n);
    session.close();
    await running;
    expect(committed.reduce((sum, { read }) => sum + read, 0)).toBe(3);
    expect(await topic().effects()).toEqual({ decisions: 3, runs: 3 });
  });

  test('that was closed before it took anything commits nothing', async () => {
    const run = topic().commit([inserted(topic().ownersRow())], await topic().claim('one'));
    const { session, running, committed } = openSession(run);
    session.close();
    await session.accept(fetchOf(run.records));
    await running;
    expect(committed).toEqual([]);
    expect(await topic().effects()).toEqual({ decisions: 0, runs: 0 });
  });
});
