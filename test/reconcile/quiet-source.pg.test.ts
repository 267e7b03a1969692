import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SourceStream, TopicEnds } from '../../operations/reconcile/barrier.ts';
import { aRow, inserted, updated, type RowValues } from '../support/records.ts';
import { ONLY_KNOWN_ROWS, reconciled, type Reconciled } from '../support/reconciled.ts';
import { TOPIC_ID } from '../support/run-records.ts';
import { TestSlot } from '../support/slot.ts';
import { useWorld } from '../support/world.ts';

// Nobody writes: no later change tells that the stream has passed. A slot of one's own stands for the connector's.
const world = useWorld();
let slot: TestSlot;
beforeAll(async () => {
  slot = await TestSlot.create(world().superuserUrl, 'quiet');
});
afterAll(async () => {
  await slot.drop();
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

const endsAt = (offset: bigint): TopicEnds => ({ topicId: TOPIC_ID, ends: new Map([[0, offset]]) });

async function compared(
  stream: Omit<SourceStream, 'legacy' | 'slot'>,
  { slotName = slot.name, settleSeconds = 1 } = {},
): Promise<Reconciled> {
  return await reconciled(world().pool, {
    sourceIsQuiet: false,
    settleSeconds,
    stream: { legacy: world().pool, slot: slotName, ...stream },
  });
}

test('a row that changed again since the stream passed is in flight anew, and not confirmed', async () => {
  const owner = await world().owner();
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
  await world().legacyRow(row);
  await world().project([inserted(row)]);
  const change = 'UPDATE public.agent_test_history SET steps_passed = $2 WHERE id = $1';
  await world().execute(change, row.id, 3);
  let asked = 0;
  // The stream passes the change that was found; by then there is another change, which the stream has not brought yet.
  const ends = async () => {
    asked += 1;
    if (asked > 1) return endsAt(4n);
    await world().execute(change, row.id, 4);
    await world().project([updated({ ...row, steps_passed: 3 })]);
    return endsAt(3n);
  };
  const { findings } = await slot.beating(compared({ topicEnds: ends }, { settleSeconds: 6 }));
  expect(asked).toBeGreaterThan(1);
  expect(await world().run(row.id)).toMatchObject({ tracks_passed: 3 });
  expect(findings).toMatchObject([{ kind: 'different', legacy_id: row.id, state: 'in_flight' }]);
});

describe('where nobody writes', () => {
  test('a lost row is confirmed once slot, topic and projectors have passed', async () => {
    const lost = await lostRow();
    const ends = () => Promise.resolve(endsAt(2n));
    const { run, findings } = await slot.beating(compared({ topicEnds: ends }, { settleSeconds: 20 }));
    expect(findings).toMatchObject([{ kind: 'unseen', legacy_id: lost.id, state: 'confirmed' }]);
    expect(run).toMatchObject({ verdict: 'wrong', waited_for: null });
  });

  test('a row is in flight while the projectors are not at the end of the topic', async () => {
    const row = await lostRow();
    const { run, findings } = await slot.beating(compared({ topicEnds: () => Promise.resolve(endsAt(3n)) }));
    expect(findings).toMatchObject([{ kind: 'unseen', legacy_id: row.id, state: 'in_flight' }]);
    expect(run.verdict).toBe('not_proven');
    expect(run.waited_for).toMatch(/^1 partition\(s\) of the topic are not projected to their end/);
  });

  test('a row is in flight where the ends are those of another topic, though nothing waits in that one', async () => {
    const row = await lostRow();
    const other = { topicId: '99999999-9999-4999-8999-999999999999', ends: new Map<number, bigint>() };
    const { run, findings } = await slot.beating(compared({ topicEnds: () => Promise.resolve(other) }));
    expect(findings).toMatchObject([{ kind: 'unseen', legacy_id: row.id, state: 'in_flight' }]);
    expect(run.verdict).toBe('not_proven');
    expect(run.waited_for).toContain(TOPIC_ID);
  });

  test('a row is in flight while the connector has not confirmed it, and Kafka is not asked', async () => {
    const row = await lostRow();
    const { run, findings } = await compared({ topicEnds: () => Promise.reject(new Error('asked')) });
    expect(findings).toMatchObject([{ kind: 'unseen', legacy_id: row.id, state: 'in_flight' }]);
    expect(run.waited_for).toContain(`on its slot ${slot.name}`);
  });

  test('what cannot be asked is said', async () => {
    await lostRow();
    const noSlot = await compared(
      { topicEnds: () => Promise.resolve(endsAt(2n)) },
      { slotName: 'no_such_slot' },
    );
    expect(noSlot.run).toMatchObject({ verdict: 'not_proven' });
    expect(noSlot.run.waited_for).toContain('there is no slot no_such_slot');
    const noKafka = await slot.beating(compared({ topicEnds: () => Promise.resolve('Kafka was not asked') }));
    expect(noKafka.run).toMatchObject({ verdict: 'not_proven', waited_for: 'Kafka was not asked' });
  });
});
