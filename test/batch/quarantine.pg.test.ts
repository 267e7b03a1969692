import { describe, expect, test } from 'vitest';
import { aRow, deleted, envelopeOf, inserted, rawRecord, snapshotOf, updated } from '../support/records.ts';
import type { Message, RowValues } from '../support/records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const rowOf = (owner: Owner) => aRow({ agent_context_id: owner.context, user_id: owner.user });
const streamed = (row: RowValues, values: object) =>
  rawRecord(row.id, envelopeOf('c', { after: { ...row, ...values } }));
const withKey = (message: Message, key: Buffer | null): Message => ({ ...message, id: null, key });

/** Projects the record between two good ones, which must flow. */
async function between(owner: Owner, record: Message) {
  const [before, after] = [rowOf(owner), rowOf(owner)];
  const result = await world().project([snapshotOf(before), record, inserted(after)]);
  for (const { id } of [before, after]) {
    expect(await world().ledger(id)).toMatchObject({ decision: 'projected' });
    expect(await world().run(id)).toBeDefined();
  }
  expect(result.records).toMatchObject({ applied: 2, quarantined: 1 });
  return result;
}

describe('a record that cannot be decoded is parked with its bytes, and its neighbours flow:', () => {
  test.each([
    ['no JSON', Buffer.from('not json')],
    ['JSON that ends early', Buffer.from('{"op": "c", "after"')],
    ['text that is not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
    ['nothing at all', Buffer.alloc(0)],
  ])('a value that is %s', async (_, value) => {
    const owner = await world().owner();
    const row = rowOf(owner);
    const { decisions } = await between(owner, rawRecord(row.id, value));
    expect(decisions).toEqual({ projected: 2, quarantined: 1 });
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'quarantined',
      reason: 'undecodable',
      op: '?',
      canonical_run_id: null,
      content_hash: null,
    });
    expect(await world().quarantined()).toMatchObject([
      {
        legacy_id: row.id,
        reason: 'undecodable',
        detail: 'the bytes are not a record of the schema',
        record_value: `\\x${value.toString('hex')}`,
        record_key: `\\x${Buffer.from(JSON.stringify({ id: row.id })).toString('hex')}`,
        healed_at: null,
      },
    ]);
  });

  test.each([
    ['no JSON', Buffer.from('{'), 'undecodable'],
    ['a key without id', Buffer.from('{}'), 'unmappable'],
    ['an id that is no UUID', Buffer.from('{"id": "7"}'), 'unmappable'],
    ['an id that is null', Buffer.from('{"id": null}'), 'unmappable'],
    ['a number', Buffer.from('7'), 'unmappable'],
    ['not there', null, 'unmappable'],
  ])('a key that is %s: no decision, because nobody knows for which row', async (_, key, reason) => {
    const owner = await world().owner();
    const { decisions } = await between(owner, withKey(inserted(rowOf(owner)), key));
    expect(decisions).toEqual({ projected: 2 });
    expect(await world().quarantined()).toMatchObject([
      { legacy_id: null, reason, record_key: key === null ? null : `\\x${key.toString('hex')}` },
    ]);
  });
});

describe('a record that cannot be mapped is parked, and its neighbours flow:', () => {
  test.each([
    ['an unknown op', { op: 'x' }, 'op is none of r, c, u, d, t'],
    ['no op', { op: null }, 'op is none of r, c, u, d, t'],
    ['no row', { after: null }, 'after is not an object'],
    ['no source', { source: undefined }, 'source is not an object'],
    ['an LSN that is text', { source: { lsn: '7', snapshot: 'false' } }, 'source.lsn is not an integer'],
  ])('with %s', async (_, values, detail) => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await between(owner, rawRecord(row.id, { ...envelopeOf('c', { after: row }), ...values }));
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined', reason: 'unmappable' });
    expect(await world().quarantined()).toMatchObject([{ legacy_id: row.id, reason: 'unmappable', detail }]);
  });

  test.each([
    ['agent_context_id', 'no uuid', 'is not a UUID'],
    ['agent_context_id', null, 'is not a UUID'],
    ['scenario', null, 'is not text'],
    ['scenario', 7, 'is not text'],
    ['scenario', 'a\u0000b', 'holds a NUL character'],
    ['overall_passed', null, 'is not a boolean'],
    ['overall_passed', 'true', 'is not a boolean'],
    ['steps_passed', null, 'is not a 32-bit integer'],
    ['steps_passed', 1.5, 'is not a 32-bit integer'],
    ['steps_passed', '1', 'is not a 32-bit integer'],
    ['steps_passed', 2_147_483_648, 'is not a 32-bit integer'],
    ['steps_failed', -2_147_483_649, 'is not a 32-bit integer'],
    ['total_duration_ms', 1e20, 'is not a 32-bit integer'],
    ['summary', ['text'], 'is not text'],
    ['summary', '\u0000', 'holds a NUL character'],
    ['agent_profile_json', '{}\u0000', 'holds a NUL character'],
    ['steps_json', '[]\u0000', 'holds a NUL character'],
    ['summary', 'half of an emoji: \ud83d', 'holds half of a character'],
    ['user_id', '\udc00', 'holds half of a character'],
    ['agent_profile_json', '{"name": "\ud800"}', 'holds half of a character'],
    ['dry_run', 1, 'is not a boolean'],
    ['user_id', { id: 1 }, 'is not text'],
    ['agent_profile_json', { parsed: true }, 'is not text'],
    ['started_at', null, 'is not text'],
    ['started_at', 1_771_234_567_000_000, 'is not text'],
    ['started_at', 'yesterday', 'is not a timestamp'],
    ['started_at', '2026-03-04 05:06:07', 'is not a timestamp'],
  ])('%s = %j', async (column, value, what) => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().project([streamed(row, { [column]: value })]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined', reason: 'unmappable' });
    expect(await world().quarantined()).toMatchObject([
      { legacy_id: row.id, reason: 'unmappable', detail: `${column} ${what}` },
    ]);
  });

  test('a delete at a time that no calendar has', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    const source = { ts_ms: 9e15, snapshot: 'false', lsn: 1 };
    await between(owner, rawRecord(row.id, { ...envelopeOf('d', {}), source }));
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined', reason: 'unmappable' });
  });
});

describe('a row that Postgres refuses is parked alone, and the rest of its batch flows:', () => {
  test.each([
    ['invalid JSON', { agent_profile_json: '{"a": ' }, '22P02'],
    ['a JSON escape of NUL', { agent_profile_json: '"\\u0000"' }, '22P05'],
    ['a JSON number without end', { agent_profile_json: '1e999999' }, '22003'],
    ['JSON deeper than the server’s stack', { agent_profile_json: '['.repeat(200_000) }, '54001'],
    ['a year that Postgres does not know', { started_at: '+294277-01-01T00:00:00Z' }, '22008'],
    ['a day that does not exist', { started_at: '2026-02-30T00:00:00Z' }, '22008'],
  ])('%s', async (_, values, state) => {
    const owner = await world().owner();
    const row = rowOf(owner);
    const { decisions } = await between(owner, streamed(row, values));
    expect(decisions).toEqual({ projected: 2, quarantined: 1 });
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'quarantined',
      reason: 'rejected_by_postgres',
    });
    expect(await world().quarantined()).toMatchObject([
      {
        legacy_id: row.id,
        reason: 'rejected_by_postgres',
        detail: `Postgres refused the row: SQLSTATE ${state}`,
      },
    ]);
  });

  test('behind a record that cannot be decoded', async () => {
    const owner = await world().owner();
    const [row, refused, after] = [rowOf(owner), rowOf(owner), rowOf(owner)];
    const { decisions } = await world().project([
      rawRecord(row.id, Buffer.from('not json')),
      streamed(refused, { agent_profile_json: '{' }),
      inserted(after),
    ]);
    expect(decisions).toEqual({ quarantined: 2, projected: 1 });
    expect(await world().ledger(row.id)).toMatchObject({ reason: 'undecodable' });
    expect(await world().ledger(refused.id)).toMatchObject({ reason: 'rejected_by_postgres' });
    expect(await world().ledger(after.id)).toMatchObject({ decision: 'projected' });
  });

  test('several of them, among events of the same keys', async () => {
    const owner = await world().owner();
    const rows = Array.from({ length: 9 }, () => rowOf(owner));
    const bad = new Set([rows[0], rows[4], rows[5], rows[8]]);
    const first = rows.map((row) =>
      bad.has(row) ? streamed(row, { agent_profile_json: '{' }) : inserted(row),
    );
    await world().project([...first, ...rows.map((row) => updated({ ...row, steps_passed: 70 }))]);
    for (const row of rows) {
      expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
      expect(await world().run(row.id)).toMatchObject({ tracks_passed: 70 });
    }
    const parked = await world().quarantined();
    expect(parked).toHaveLength(4);
    expect(parked.every(({ healed_at }) => healed_at !== null)).toBe(true);
  });
});

describe('what is parked', () => {
  test('is healed by the next complete event of its key, and by no other', async () => {
    const owner = await world().owner();
    const [row, other] = [rowOf(owner), rowOf(owner)];
    await world().project([rawRecord(row.id, {}), rawRecord(other.id, {}), inserted(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    expect(await world().ledger(other.id)).toMatchObject({ decision: 'quarantined' });
    const parked = await world().quarantined();
    expect(parked.map(({ legacy_id, healed_at }) => [legacy_id, healed_at !== null])).toEqual([
      [row.id, true],
      [other.id, false],
    ]);
  });

  test('stays open when its row is deleted: nobody knows what it was', async () => {
    const row = rowOf(await world().owner());
    await world().project([rawRecord(row.id, {}), deleted(row.id)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined', op: 'd' });
    expect(await world().quarantined()).toMatchObject([{ healed_at: null }]);
  });

  test('is parked once, however often the topic is read', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().project([
      rawRecord(row.id, {}),
      withKey(inserted(rowOf(owner)), null),
      inserted(row),
      rawRecord(row.id, {}),
    ]);
    await world().replay();
    await world().replay(1);
    expect(await world().quarantined()).toHaveLength(3);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
  });

  test('takes no owner decision back: the canonical row and the decision stay', async () => {
    const row = rowOf(await world().owner());
    await world().project([inserted(row)]);
    const [entry, run] = [await world().ledger(row.id), await world().run(row.id)];
    const { decisions } = await world().project([rawRecord(row.id, {}), streamed(row, { started_at: 'x' })]);
    expect(decisions).toEqual({});
    expect(await world().ledger(row.id)).toEqual(entry);
    expect(await world().run(row.id)).toEqual(run);
    expect(await world().quarantined()).toHaveLength(2);
  });

  test('takes the place of a decision without a canonical row, whose look-ups go', async () => {
    const row = aRow({ agent_context_id: (await world().owner()).context, user_id: 'user_stranger' });
    await world().project([inserted(row), rawRecord(row.id, {})]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'quarantined',
      agent_context_id: null,
      user_id: null,
      organization_id: null,
      agent_url: null,
      is_member: null,
      lists_agent: null,
      opted_out: null,
      content_hash: null,
      started_at: null,
    });
  });
});
