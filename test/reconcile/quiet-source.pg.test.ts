import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SourceStream, TopicEnds } from '../../consumers/agent-test-history/reconcile/barrier.ts';
import { createPool, type Pool } from '../../consumers/lib/postgres.ts';
import { aRow, inserted, type RowValues } from '../support/records.ts';
import { ONLY_KNOWN_ROWS, reconciled, type Reconciled } from '../support/reconciled.ts';
import { TOPIC_ID } from '../support/run-records.ts';
import { useWorld } from '../support/world.ts';

// Nobody writes: no later change tells that the stream has passed. A slot of one's own stands for the connector's.
const world = useWorld();
const SLOT = `quiet_${String(process.pid)}`;
let dba: Pool;
beforeAll(async () => {
  dba = createPool({ url: world().superuserUrl, name: 'test dba', connections: 1 });
  await dba.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [SLOT]);
});
afterAll(async () => {
  await dba.query('SELECT pg_drop_replication_slot($1)', [SLOT]);
  await dba.end();
});
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
});

/** One row that was projected, and one that no event told of. */
async function lostRow(): Promise<RowValues> {
  const owner = await world().owner();
  const of = { agent_context_id: owner.context, user_id: owner.user };
  const [seen, lost] = [aRow(of), aRow({ ...of, summary: 'lost' })];
  await world().legacyRow(seen);
  await world().project([inserted(seen)]);
  expect(await world().ledger(seen.id)).toBeDefined();
  await world().legacyRow(lost);
  return lost;
}

/** As the connector does it when Kafka has acknowledged all there is. */
async function slotConfirmsAll(): Promise<void> {
  await dba.query("SELECT pg_logical_emit_message(false, 'test', 'a heartbeat')");
  await dba.query('SELECT pg_replication_slot_advance($1, pg_current_wal_flush_lsn())', [SLOT]);
}

const endsAt = (offset: bigint): TopicEnds => ({ topicId: TOPIC_ID, ends: new Map([[0, offset]]) });

async function compared(
  stream: Omit<SourceStream, 'legacy' | 'slot'>,
  { slot = SLOT, settleSeconds = 1 } = {},
): Promise<Reconciled> {
  return await reconciled(world().pool, {
    sourceIsQuiet: false,
    settleSeconds,
    stream: { legacy: world().pool, slot, ...stream },
  });
}

/** Goes on confirming what there is, as a heartbeat brings it about, until the comparison has ended. */
async function beating<T>(work: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const watched = work.finally(() => {
    ended.abort();
  });
  while (!ended.signal.aborted) await slotConfirmsAll();
  return await watched;
}

describe('where nobody writes', () => {
  test('a lost row is confirmed once slot, topic and projectors have passed', async () => {
    const lost = await lostRow();
    const ends = () => Promise.resolve(endsAt(2n));
    const { run, findings } = await beating(compared({ topicEnds: ends }, { settleSeconds: 20 }));
    expect(findings).toMatchObject([{ kind: 'unseen', legacy_id: lost.id, state: 'confirmed' }]);
    expect(run).toMatchObject({ verdict: 'wrong', waited_for: null });
  });

  test('a row is in flight while the projectors are not at the end of the topic', async () => {
    const row = await lostRow();
    const { run, findings } = await beating(compared({ topicEnds: () => Promise.resolve(endsAt(3n)) }));
    expect(findings).toMatchObject([{ kind: 'unseen', legacy_id: row.id, state: 'in_flight' }]);
    expect(run.verdict).toBe('not_proven');
    expect(run.waited_for).toMatch(/^1 partition\(s\) of the topic are not projected to their end/);
  });

  test('a row is in flight while the connector has not confirmed it, and Kafka is not asked', async () => {
    const row = await lostRow();
    const { run, findings } = await compared({ topicEnds: () => Promise.reject(new Error('asked')) });
    expect(findings).toMatchObject([{ kind: 'unseen', legacy_id: row.id, state: 'in_flight' }]);
    expect(run.waited_for).toContain(`on its slot ${SLOT}`);
  });

  test('what cannot be asked is said', async () => {
    await lostRow();
    const noSlot = await compared({ topicEnds: () => Promise.resolve(endsAt(2n)) }, { slot: 'no_such_slot' });
    expect(noSlot.run).toMatchObject({ verdict: 'not_proven' });
    expect(noSlot.run.waited_for).toContain('there is no slot no_such_slot');
    const noKafka = await beating(compared({ topicEnds: () => Promise.resolve('Kafka was not asked') }));
    expect(noKafka.run).toMatchObject({ verdict: 'not_proven', waited_for: 'Kafka was not asked' });
  });
});
