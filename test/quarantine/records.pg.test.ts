import { describe, expect, test } from 'vitest';
import { countRecords, listRecords } from '../../operations/quarantine/records.ts';
import { waive } from '../../operations/quarantine/waive.ts';
import { aRow, inserted, rawRecord, updated, type RowValues } from '../support/records.ts';
import { theOnlyRecord } from '../support/retried.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const WAIVER = { by: 'the data owner', reason: 'a row of staging' };

async function ownersRow(): Promise<RowValues> {
  const owner = await world().owner();
  return aRow({ agent_context_id: owner.context, user_id: owner.user });
}

async function parked(): Promise<{ readonly row: RowValues; readonly id: string }> {
  const row = await ownersRow();
  await world().project([rawRecord(row.id, {})]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
  const record = (await world().quarantined()).find(({ legacy_id }) => legacy_id === row.id);
  return { row, id: String(record?.['id']) };
}

describe('the list', () => {
  test('holds what is open, by reason and by row; all of it where asked; and no value of a row', async () => {
    const [open, waived, healed] = [await parked(), await parked(), await parked()];
    const partial = await ownersRow();
    await world().project([updated({ ...partial, summary: 'a secret' }, 'scenario')]);
    expect(await world().ledger(partial.id)).toMatchObject({ reason: 'value_unavailable' });
    await waive(world().pool, { ids: [waived.id], ...WAIVER });
    await world().project([inserted(healed.row)]);
    expect(await world().ledger(healed.row.id)).toMatchObject({ decision: 'projected' });
    const listed = async (filter: object = {}) =>
      await listRecords(world().pool, { all: false, limit: 100, ...filter });
    const rowsOf = async (filter?: object) => (await listed(filter)).map(({ legacy_id }) => legacy_id);
    expect(await rowsOf()).toEqual([open.row.id, partial.id]);
    expect(await rowsOf({ reason: 'value_unavailable' })).toEqual([partial.id]);
    expect(await rowsOf({ legacyId: open.row.id })).toEqual([open.row.id]);
    expect(await rowsOf({ limit: 1 })).toEqual([open.row.id]);
    expect((await listed({ all: true })).map(({ state }) => state)).toEqual([
      'open',
      'waived',
      'healed',
      'open',
    ]);
    expect(await listed({ legacyId: waived.row.id, all: true })).toMatchObject([
      { topic: 'topic', partition: 0, waived_by: WAIVER.by, waive_reason: WAIVER.reason },
    ]);
    expect(JSON.stringify(await listed({ all: true }))).not.toContain('a secret');
    expect(await countRecords(world().pool)).toEqual([
      { reason: 'unmappable', open: 1, waived: 1, healed: 1 },
      { reason: 'value_unavailable', open: 1, waived: 0, healed: 0 },
    ]);
  });
});

describe('a waiver', () => {
  test('stores who and why, and leaves the decision and the bytes as they are', async () => {
    const { row, id } = await parked();
    const [entry, before] = [await world().ledger(row.id), await theOnlyRecord(world())];
    await waive(world().pool, { ids: [id], ...WAIVER });
    const after = await theOnlyRecord(world());
    expect(after).toEqual({
      ...before,
      waived_at: after['waived_at'],
      waived_by: WAIVER.by,
      waive_reason: WAIVER.reason,
    });
    expect(after['waived_at']).not.toBeNull();
    expect(await world().ledger(row.id)).toEqual(entry);
  });

  test('of what is waived, healed or not there is refused, and of the others named with it nothing happens', async () => {
    const [open, waived, healed] = [await parked(), await parked(), await parked()];
    await waive(world().pool, { ids: [waived.id], ...WAIVER });
    await world().project([inserted(healed.row)]);
    expect(await world().ledger(healed.row.id)).toMatchObject({ decision: 'projected' });
    const before = await world().quarantined();
    await expect(
      waive(world().pool, { ids: [open.id, waived.id, healed.id, '999999'], by: 'another', reason: 'other' }),
    ).rejects.toMatchObject({
      code: 'QUARANTINE_RECORD',
      message: `nothing was waived: record ${waived.id} is waived already, record ${healed.id} is healed already, record 999999 does not exist`,
    });
    expect(await world().quarantined()).toEqual(before);
  });

  test('does not keep the next complete event of its row from healing it', async () => {
    const { row, id } = await parked();
    await waive(world().pool, { ids: [id], ...WAIVER });
    await world().project([inserted(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    const record = await theOnlyRecord(world());
    expect(record).toMatchObject({ waived_by: WAIVER.by });
    expect(record['healed_at']).not.toBeNull();
  });
});
