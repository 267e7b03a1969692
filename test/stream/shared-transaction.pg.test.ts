import { afterEach, describe, expect, test } from 'vitest';
import { Commit } from '../../consumers/agent-test-history/stream/commit.ts';
import { PartitionSession } from '../../consumers/agent-test-history/stream/partition-session.ts';
import { takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { QuarantineBreaker } from '../../consumers/agent-test-history/batch/quarantine-breaker.ts';
import type { BatchResult } from '../../consumers/agent-test-history/batch/result.ts';
import { Turns } from '../../consumers/agent-test-history/stream/turns.ts';
import type { Pool } from '../../lib/postgres.ts';
import { ConnectionLost } from '../../lib/postgres-session.ts';
import { usePartitions } from '../support/partitions.ts';
import { inserted, type Message } from '../support/records.ts';
import { fetchOf, jsonDecoder, noBreaker, TOPIC_ID } from '../support/run-records.ts';
import { until } from '../support/until.ts';

const topic = usePartitions();

interface Done {
  readonly partitions: readonly number[];
  readonly result: BatchResult;
}

let sessions: PartitionSession[] = [];
let running: Promise<unknown>[] = [];

afterEach(async () => {
  for (const session of sessions) session.close();
  await Promise.allSettled(running);
  sessions = [];
  running = [];
});

/** Sessions of one process, a partition each, that have their records before any of them has its turn. */
async function openSessions(
  messages: readonly (readonly Message[])[],
  {
    pool = topic().pool,
    dryRun = false,
    breaker = noBreaker(),
  }: { readonly pool?: Pool; readonly dryRun?: boolean; readonly breaker?: QuarantineBreaker } = {},
) {
  const commits: Done[] = [];
  const retries: number[] = [];
  const stopped: { readonly partition: number; readonly error: unknown }[] = [];
  const commit = new Commit({
    context: topic().contextOn(pool),
    breaker,
    committed: ({ offsets, result }) => {
      commits.push({ partitions: [...offsets.keys()].sort(), result });
    },
    retrying: (partition) => retries.push(partition),
  });
  const turns = new Turns(2, commit);
  const opened = await Promise.all(
    messages.map(async (ofPartition, partition) => {
      const run = topic().commit(ofPartition, await topic().claim('one', partition), pool);
      const session = new PartitionSession({
        mode: dryRun ? { kind: 'dry_run' } : run.mode,
        decode: jsonDecoder,
        bounds: { rows: run.rows, bytes: 1_000_000 },
        topicId: TOPIC_ID,
        partition,
        firstOffset: 0n,
        turns,
        isAcceptedTruncate: () => false,
      });
      await session.accept(fetchOf(run.records));
      return session;
    }),
  );
  const run = (inTurn = opened) => {
    running = inTurn.map((session) =>
      session.run().catch((error: unknown) => stopped.push({ partition: session.partition, error })),
    );
  };
  sessions = opened;
  return { sessions: opened, commits, retries, stopped, run };
}

const ownersRow = () => inserted(topic().ownersRow());
/** One that Postgres refuses: its JSON has a number that `jsonb` cannot hold. */
const refusedRow = () =>
  inserted({ ...topic().ownersRow(), agent_profile_json: `{"n": 1e${'9'.repeat(9)}}` });
/** A record that cannot be read. */
const unreadable: Message = { id: null, key: null, value: Buffer.from('no JSON') };
const nextOffsets = async (partitions: readonly number[]) =>
  await Promise.all(partitions.map(async (partition) => (await topic().stored(partition))?.nextOffset));

describe('a few rows of several partitions', () => {
  test('are committed in one transaction', async () => {
    const { commits, run } = await openSessions([[ownersRow(), ownersRow()], [ownersRow()], [ownersRow()]]);
    run();
    await until('all is committed', () => commits.length > 0);
    expect(commits.map(({ partitions, result }) => [partitions, result.records.applied])).toEqual([
      [[0, 1, 2], 4],
    ]);
    expect(await nextOffsets([0, 1, 2])).toEqual([2n, 1n, 1n]);
    expect(await topic().effects()).toEqual({ decisions: 4, runs: 4 });
    const { rows } = await topic().pool.query(
      'SELECT count(DISTINCT xmin::text)::int AS transactions FROM history_cdc.consumer_offset WHERE partition < 3',
    );
    expect(rows).toEqual([{ transactions: 1 }]);
  });

  test('that belong to another projector by now stop their own partition alone', async () => {
    const { commits, stopped, run } = await openSessions([[ownersRow()], [ownersRow()], [ownersRow()]]);
    await takeOver(topic().pool, { topicId: TOPIC_ID, partition: 1, offset: 0n }, 'another');
    run();
    await until('the others are committed', () => commits.length === 2 && stopped.length === 1);
    expect(commits.map(({ partitions }) => partitions)).toEqual([[0], [2]]);
    expect(stopped).toMatchObject([{ partition: 1, error: { name: 'Fenced' } }]);
    expect(await nextOffsets([0, 1, 2])).toEqual([1n, 0n, 1n]);
    expect(await topic().effects()).toEqual({ decisions: 2, runs: 2 });
  });

  test('one of which Postgres refuses are all committed, but for that one, which is quarantined', async () => {
    const { commits, retries, run } = await openSessions([
      [ownersRow()],
      [ownersRow(), refusedRow(), ownersRow()],
    ]);
    run();
    await until('all is committed', async () => (await nextOffsets([0, 1])).join() === '1,3');
    expect(retries).toEqual([]);
    const applied = commits.reduce((sum, { result }) => sum + result.records.applied, 0);
    const quarantined = commits.reduce((sum, { result }) => sum + result.records.quarantined, 0);
    expect({ applied, quarantined }).toEqual({ applied: 3, quarantined: 1 });
    const { rows } = await topic().pool.query('SELECT partition, "offset"::int FROM history_cdc.quarantine');
    expect(rows).toEqual([{ partition: 1, offset: 1 }]);
  });

  test('whose COMMIT was answered by nobody are counted once, and have one effect', async () => {
    const {
      sessions: opened,
      commits,
      retries,
      run,
    } = await openSessions([[ownersRow()], [ownersRow()]], { pool: failingTheFirst('COMMIT', 'done') });
    run();
    await until('both are committed', () => opened.every(({ nextToApply }) => nextToApply === 1n));
    expect(retries.sort()).toEqual([0, 1]);
    expect(commits.map(({ partitions, result }) => [partitions, result.records.duplicate])).toEqual([
      [[0], 1],
      [[1], 1],
    ]);
    expect(await topic().effects()).toEqual({ decisions: 2, runs: 2 });
  });

  test('that were parked in a transaction that failed are counted by the breaker once', async () => {
    const breaker = new QuarantineBreaker({ maxShare: 0.5, window: 4 });
    const { stopped, run } = await openSessions([[unreadable], [unreadable]], {
      pool: failingTheFirst('COMMIT', 'asked'),
      breaker,
    });
    run();
    await until(
      'both are parked',
      async () => (await nextOffsets([0, 1])).join() === '1,1' || stopped.length > 0,
    );
    expect(stopped).toEqual([]);
    expect(await topic().quarantined()).toHaveLength(2);
  });

  test('of which one cannot be written for a while hold the others up no longer than that takes to see', async () => {
    const { sessions: opened, run } = await openSessions([[ownersRow()], [ownersRow()]]);
    const client = await topic().pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM history_cdc.consumer_offset WHERE partition = 0 FOR UPDATE');
    try {
      run();
      await until('the shared transaction waits', async () => {
        const { rows } = await client.query(
          `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      });
      const [, second] = opened;
      await second?.accept(fetchOf(topic().commit([ownersRow()], await heldBy(second)).records));
    } finally {
      await client.query('COMMIT');
      client.release();
    }
    await until('all is committed', async () => (await nextOffsets([0, 1])).join() === '1,2');
    expect(await topic().effects()).toEqual({ decisions: 3, runs: 3 });
  });
});

async function heldBy(session: PartitionSession) {
  const stored = await topic().stored(session.partition);
  return {
    claim: { topicId: TOPIC_ID, partition: session.partition, epoch: stored?.epoch ?? 0n },
    nextOffset: session.nextToRead,
  };
}

/** A pool whose server goes away at the first statement of a kind: when it is done, or before it. */
function failingTheFirst(statement: string, when: 'done' | 'asked'): Pool {
  const { pool } = topic();
  let lost = false;
  const connect = async () => {
    const client = await pool.connect();
    const query = async (...question: [string, unknown[]?]) => {
      if (question[0] !== statement || lost) return await client.query(...question);
      lost = true;
      if (when === 'done') await client.query(...question);
      throw new ConnectionLost('Connection terminated unexpectedly');
    };
    return {
      query,
      release: (broken?: boolean) => {
        client.release(broken);
      },
    };
  };
  return { connect, query: pool.query.bind(pool) } as unknown as Pool;
}

test('partitions are locked in their order, whichever waited first, as a sweep locks them', async () => {
  const {
    sessions: opened,
    commits,
    run,
  } = await openSessions([[ownersRow()], [ownersRow()], [ownersRow()]]);
  const client = await topic().pool.connect();
  await client.query('BEGIN');
  await client.query('SELECT FROM history_cdc.consumer_offset WHERE partition = 0 FOR UPDATE');
  try {
    run(opened.toReversed());
    await until('the shared transaction waits', async () => {
      const { rows } = await client.query(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    });
    const free = await client.query(
      'SELECT partition FROM history_cdc.consumer_offset WHERE partition IN (1, 2) FOR UPDATE SKIP LOCKED',
    );
    expect(free.rowCount).toBe(2);
  } finally {
    await client.query('COMMIT');
    client.release();
  }
  await until('all is committed', () => commits.length > 0);
  expect(commits.map(({ partitions }) => partitions)).toEqual([[0, 1, 2]]);
});

describe('a dry run', () => {
  test('over a few rows of several partitions leaves nothing behind', async () => {
    const { commits, run } = await openSessions([[ownersRow()], [ownersRow()]], { dryRun: true });
    run();
    await until('both have had their turn', () => commits.length === 2);
    expect(await topic().effects()).toEqual({ decisions: 0, runs: 0 });
    expect(await nextOffsets([0, 1])).toEqual([0n, 0n]);
  });
});

describe('many rows', () => {
  test('have a transaction of their own', async () => {
    const many = Array.from({ length: 1_001 }, ownersRow);
    const { commits, run } = await openSessions([many, [ownersRow()]]);
    run();
    await until('all is committed', () => commits.length === 2);
    expect(commits.map(({ partitions }) => partitions).sort()).toEqual([[0], [1]]);
  });
});
