import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import { planUndo, undo } from '../../operations/undo/undo.ts';
import { listRecords } from '../../operations/quarantine/records.ts';
import { waive } from '../../operations/quarantine/waive.ts';
import { aRow, inserted, PLACEHOLDER, updated, type Message, type RowValues } from '../support/records.ts';
import { retried } from '../support/retried.ts';
import { swept } from '../support/swept.ts';
import type { Row } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
const DAYS = 30;
const sha256 = (value: Buffer | null) =>
  `\\x${createHash('sha256')
    .update(value ?? '')
    .digest('hex')}`;

async function ownersRow(): Promise<RowValues> {
  const owner = await world().owner();
  return aRow({ agent_context_id: owner.context, user_id: owner.user });
}

async function recordOf(id: string): Promise<Row> {
  const found = (await world().quarantined()).find((record) => record['legacy_id'] === id);
  if (found === undefined) throw new Error('no record of the row was parked');
  return found;
}

/** Parks an update of a new row whose summary was left out. */
async function parked(): Promise<{ row: RowValues; message: Message }> {
  const row = await ownersRow();
  const message = updated(row, 'summary');
  await world().project([message]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
  return { row, message };
}

async function aged(column: 'healed_at' | 'waived_at', id: string, days: number): Promise<void> {
  await world().execute(
    `UPDATE history_cdc.quarantine SET ${column} = ${column} - $2 * interval '1 day'
     WHERE legacy_id = $1 AND ${column} IS NOT NULL`,
    id,
    days,
  );
}

describe('the content of parked records', () => {
  test('goes once they were settled long ago; what is younger, or open, is kept; the accounting stays', async () => {
    const [healed, waived, young, open] = [await parked(), await parked(), await parked(), await parked()];
    for (const { row } of [healed, young]) await world().project([inserted(row)]);
    const id = String((await recordOf(waived.row.id))['id']);
    await waive(world().pool, { ids: [id], by: 'me', reason: 'a test' });
    await aged('healed_at', healed.row.id, DAYS);
    await aged('waived_at', waived.row.id, DAYS);
    await aged('healed_at', young.row.id, DAYS - 1);
    const before = await recordOf(healed.row.id);
    expect(await swept(world().pool)).toMatchObject({ erased: 0 });
    expect(await swept(world().pool, { parkedRetentionDays: DAYS })).toMatchObject({ erased: 2 });
    for (const { row, message } of [healed, waived]) {
      const record = await recordOf(row.id);
      expect(record).toMatchObject({
        record_value: null,
        value_hash: sha256(message.value),
        value_bytes: message.value?.length,
        reason: 'value_unavailable',
      });
      expect(record['erased_at']).not.toBeNull();
    }
    const dropped = ['record_value', 'value_hash', 'value_bytes', 'erased_at'];
    const rest = Object.fromEntries(Object.entries(before).filter(([name]) => !dropped.includes(name)));
    expect(await recordOf(healed.row.id)).toMatchObject(rest);
    for (const { row } of [young, open])
      expect(await recordOf(row.id)).toMatchObject({ value_hash: null, erased_at: null });
    for (const { row } of [young, open]) expect((await recordOf(row.id))['record_value']).not.toBeNull();
    for (const { row } of [healed, young])
      expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    expect(await swept(world().pool, { parkedRetentionDays: DAYS })).toMatchObject({ erased: 0 });
    // By name a waived record is retried: without content it is no tombstone, and stays what it was.
    await world().legacyRow(waived.row);
    expect(await retried(world().pool, { filter: { ids: [id] } })).toMatchObject([
      { outcome: 'failed', reason: 'value_unavailable' },
    ]);
    expect(await world().ledger(waived.row.id)).toMatchObject({ decision: 'quarantined' });
  });

  test('also what undo kept of a row that has a decision again, and never what was not restored', async () => {
    const [restored, waiting] = [await ownersRow(), await ownersRow()];
    await world().project([inserted(restored), inserted(waiting)]);
    for (const { id } of [restored, waiting])
      expect(await world().ledger(id)).toMatchObject({ decision: 'projected' });
    const plan = { canonical: world().pool, progress: () => undefined };
    await undo(plan, (await planUndo(plan)).removable);
    const kept = async () => (await world().pool.query('SELECT FROM history_cdc.undone')).rows.length;
    const all = await kept();
    expect(all).toBeGreaterThanOrEqual(2);
    await world().execute("UPDATE history_cdc.undone SET undone_at = undone_at - interval '31 days'");
    await world().execute(
      `INSERT INTO history_cdc.ledger SELECT l.* FROM history_cdc.undone u
       CROSS JOIN LATERAL jsonb_populate_record(NULL::history_cdc.ledger, u.ledger) l WHERE u.legacy_id = $1`,
      restored.id,
    );
    expect(await swept(world().pool, { parkedRetentionDays: DAYS })).toMatchObject({ erased: 1 });
    expect(await kept()).toBe(all - 1);
  });
});

describe('a record that is larger than RECORD_MAX_BYTES', () => {
  test('is parked by its position, hash and size; the next event of its row heals it', async () => {
    const row = { ...(await ownersRow()), brief: 'x'.repeat(70_000) };
    world().decode = createDecoder(undefined, PLACEHOLDER, { maxBytes: 65_536 });
    const message = inserted(row);
    await world().project([message]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined', reason: 'too_large' });
    expect(await recordOf(row.id)).toMatchObject({
      record_value: null,
      value_hash: sha256(message.value),
      value_bytes: message.value?.length,
      erased_at: null,
    });
    const [listed] = await listRecords(world().pool, { legacyId: row.id, all: true, limit: 1 });
    expect(listed).toMatchObject({
      value_bytes: message.value?.length,
      value_sha256: sha256(message.value).slice(2),
    });
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'failed', reason: 'too_large' }]);
    await world().project([updated({ ...row, brief: 'shorter' })]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    expect((await recordOf(row.id))['healed_at']).not.toBeNull();
    world().decode = undefined;
  });

  test.each([
    ['agent_profile_json', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['steps_json', '['.repeat(100_000) + ']'.repeat(100_000)],
    [
      'steps_json',
      `{"tracks":[{"scenarios":[${'{"scenario":"a/b","steps":'.repeat(20_000)}[]${'}'.repeat(20_000)}]}]}`,
    ],
  ] as const)('and one whose %s is nested beyond reason stops nobody', async (column, json) => {
    const [row, next] = [{ ...(await ownersRow()), [column]: json }, await ownersRow()];
    await world().project([inserted(row), inserted(next)]);
    expect(['quarantined', 'projected']).toContain((await world().ledger(row.id))?.['decision']);
    expect(await world().ledger(next.id)).toMatchObject({ decision: 'projected' });
  });

  test('and a record with the names of an object’s own parts sets none of them', async () => {
    const row = await ownersRow();
    const { value } = inserted(row);
    const text = (value ?? Buffer.from('{}')).toString();
    const polluted = text.replace(
      '{',
      '{"__proto__":{"op":"d","polluted":true},"constructor":{"prototype":{"polluted":true}},',
    );
    await world().project([{ ...inserted(row), value: Buffer.from(polluted) }]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', op: 'c' });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
