import { describe, expect, test } from 'vitest';
import {
  decideImage,
  type LaterImage,
  type RecordDecision,
} from '../../consumers/agent-test-history/rule/decide.ts';
import {
  unusable,
  type ImageEvent,
  type KeyedEvent,
} from '../../consumers/agent-test-history/record/event.ts';
import { lookUp, lookupKeyOf } from '../../consumers/agent-test-history/lookup/lookup.ts';
import type { RowFacts } from '../../consumers/agent-test-history/rule/row-facts.ts';
import {
  writeDecisions,
  writeDeletes,
  writeLaterImages,
  writeQuarantine,
} from '../../consumers/agent-test-history/batch/write.ts';
import { aRow, deleted, inserted, updated, type Message, type RowValues } from '../support/records.ts';
import { asRecords, jsonDecoder, MATCHING, TOPIC_ID } from '../support/run-records.ts';
import { useWorld } from '../support/world.ts';

// The pipeline drops what is not beyond the ledger's position before anything is written. These are the guards behind
// it, in the statements: what they refuse has passed the first one.

const world = useWorld();

const NOT_WRITTEN = { ledgerWritten: 0 };

async function eventOf(message: Message, offset: bigint): Promise<KeyedEvent> {
  const [event] = await jsonDecoder(asRecords([message], offset), { topicId: TOPIC_ID, partition: 0 });
  if (event?.kind !== 'image' && event?.kind !== 'delete') throw new Error('the record is no event of a row');
  return event;
}

async function known(message: Message, offset: bigint): Promise<{ event: KeyedEvent; facts: RowFacts }> {
  const event = await eventOf(message, offset);
  const key = { ...event, legacyId: event.legacyId ?? '' };
  const [facts] = await lookUp(world().pool, [lookupKeyOf(key)], MATCHING.floorUs());
  if (facts === undefined) throw new Error('the look-up gave nothing');
  return { event, facts };
}

/** The decision on an image, as if the row had no canonical row so far. */
async function decisionOn(message: Message, offset: bigint): Promise<RecordDecision> {
  const { event, facts } = await known(message, offset);
  const effect = decideImage(event as ImageEvent, { ...facts, entry: null }, 'respect');
  if (effect?.effect !== 'record') throw new Error('no decision came out');
  return effect;
}

async function laterImage(message: Message, offset: bigint): Promise<LaterImage> {
  const { event, facts } = await known(message, offset);
  const effect = decideImage(event as ImageEvent, facts, 'respect');
  if (effect?.effect !== 'later_image') throw new Error('no later image came out');
  return effect;
}

/** A row of a stranger, at offset 2. */
async function strangers(): Promise<RowValues> {
  const { context } = await world().owner();
  const row = aRow({ agent_context_id: context, user_id: 'user_stranger' });
  await world().project([inserted(row), updated({ ...row, summary: 'newest' })]);
  return row;
}

/** A row of an owner, at offset 2. */
async function owners(): Promise<RowValues> {
  const { context, user } = await world().owner();
  const row = aRow({ agent_context_id: context, user_id: user });
  await world().project([inserted(row), updated({ ...row, summary: 'newest' })]);
  return row;
}

describe('a decision', () => {
  test('by an event before the last is refused', async () => {
    const row = await strangers();
    const before = await world().ledger(row.id);
    expect(await writeDecisions(world().pool, [await decisionOn(inserted(row), 1n)])).toEqual({
      ...NOT_WRITTEN,
      runsInserted: 0,
      runsUpdated: 0,
      runsDeleted: 0,
    });
    expect(await world().ledger(row.id)).toEqual(before);
  });

  test.each([
    ['third_party', 1],
    ['anonymous', 1],
    ['opted_out', 1],
    ['orphaned', 1],
    ['quarantined', 0],
    ['gone', 0],
  ])('by the last event itself of a row that is %s is written %i times', async (decision, ledgerWritten) => {
    const row = await strangers();
    await world().execute(
      'UPDATE history_cdc.ledger SET decision = $2 WHERE legacy_id = $1',
      row.id,
      decision,
    );
    const before = await world().ledger(row.id);
    const again = [await decisionOn(updated(row), BigInt(String(before?.['offset'])))];
    expect(await writeDecisions(world().pool, again)).toMatchObject({ ledgerWritten });
    expect((await world().ledger(row.id))?.['decided_at'] === before?.['decided_at']).toBe(
      ledgerWritten === 0,
    );
  });

  test('on a row that has a canonical row is refused, however new', async () => {
    const row = await owners();
    const before = await world().ledger(row.id);
    const stranger = await decisionOn(updated({ ...row, user_id: 'user_stranger' }), 9n);
    expect(stranger.decision).toBe('third_party');
    expect(await writeDecisions(world().pool, [stranger])).toMatchObject(NOT_WRITTEN);
    expect(await world().ledger(row.id)).toEqual(before);
  });
});

describe('a later image', () => {
  test('that lies before the last moves neither position nor hash', async () => {
    const row = await owners();
    const before = await world().ledger(row.id);
    expect(await writeLaterImages(world().pool, [await laterImage(inserted(row), 1n)])).toMatchObject(
      NOT_WRITTEN,
    );
    expect(await world().ledger(row.id)).toEqual(before);
  });

  test('of a row that stands on another canonical row by now moves nothing', async () => {
    const row = await owners();
    const image = await laterImage(updated(row), 9n);
    const live = await world().live({ agent_url: 'https://elsewhere.example' });
    await world().execute(
      'UPDATE history_cdc.ledger SET canonical_run_id = $2 WHERE legacy_id = $1',
      ...[row.id, live],
    );
    const before = await world().ledger(row.id);
    expect(await writeLaterImages(world().pool, [image])).toMatchObject(NOT_WRITTEN);
    expect(await world().ledger(row.id)).toEqual(before);
  });
});

test('a delete before the last event marks nothing', async () => {
  const row = await owners();
  const before = await world().ledger(row.id);
  const { event, facts } = await known(deleted(row.id), 1n);
  if (event.kind !== 'delete') throw new Error('the record is no delete');
  expect(await writeDeletes(world().pool, [{ effect: 'mark_deleted', event, facts }])).toMatchObject(
    NOT_WRITTEN,
  );
  expect(await world().ledger(row.id)).toEqual(before);
});

test.each([
  ['before the last event takes no decision away', strangers, 1n],
  ['takes no owner decision away, however new', owners, 9n],
])('a record that cannot be read %s', async (_, rowOf, offset) => {
  const row = await rowOf();
  const before = await world().ledger(row.id);
  const event = unusable(await eventOf(inserted(row), offset), 'unmappable', 'by a test');
  const parked = { effect: 'quarantine', event, recordsDecision: true } as const;
  expect(await writeQuarantine(world().pool, [parked])).toMatchObject(NOT_WRITTEN);
  expect(await world().ledger(row.id)).toEqual(before);
});
