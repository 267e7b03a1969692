import { describe, expect, test } from 'vitest';
import { waive } from '../../operations/quarantine/waive.ts';
import { everything } from '../support/fingerprint.ts';
import { aRow, inserted, rawRecord, updated, type RowValues } from '../support/records.ts';
import { expectLasting, retried, theOnlyRecord } from '../support/retried.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

async function ownersRow(values: Partial<RowValues> = {}): Promise<RowValues> {
  const owner = await world().owner();
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

describe('a retry', () => {
  test('that is a dry run says what would be decided, and changes nothing', async () => {
    const [row, hopeless] = [await ownersRow(), await ownersRow()];
    await world().project([updated(row, 'summary')]);
    await world().project([rawRecord(hopeless.id, {})]);
    await world().legacyRow(row);
    const before = await everything(world().pool);
    expect(await retried(world().pool, { dryRun: true })).toMatchObject([
      { outcome: 'decided', decision: 'projected', legacyId: row.id },
      { outcome: 'failed', reason: 'unmappable', legacyId: hopeless.id },
    ]);
    expect(await everything(world().pool)).toEqual(before);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
    expect(await world().ledger(hopeless.id)).toMatchObject({ decision: 'quarantined' });
  });

  test('that fails keeps the record, with what is wrong now, and counts the attempt', async () => {
    const row = await ownersRow({ agent_profile_json: '{"a": ' });
    await world().project([updated(row, 'summary')]);
    expect(await theOnlyRecord(world())).toMatchObject({ reason: 'value_unavailable', attempts: 0 });
    await world().legacyRow({ ...row, agent_profile_json: null });
    const entry = await world().ledger(row.id);
    expect(await retried(world().pool)).toMatchObject([
      { outcome: 'failed', reason: 'rejected_by_postgres', decision: 'quarantined', attempts: 1 },
    ]);
    expect(await theOnlyRecord(world())).toMatchObject({
      reason: 'rejected_by_postgres',
      detail: 'Postgres refused the row: SQLSTATE 22P02',
      attempts: 1,
      healed_at: null,
    });
    expect(await world().ledger(row.id)).toMatchObject({
      decision: entry?.['decision'],
      offset: entry?.['offset'],
      canonical_run_id: null,
    });
    await expectLasting(world());
  });

  test('is not begun with a record that was retried as often as the cap allows', async () => {
    const row = await ownersRow();
    await world().project([rawRecord(row.id, {})]);
    const outcomes: string[] = [];
    for (let n = 0; n < 3; n++) {
      outcomes.push(...(await retried(world().pool, { maxAttempts: 2 })).map(({ outcome }) => outcome));
    }
    expect(outcomes).toEqual(['failed', 'failed', 'exhausted']);
    expect(await theOnlyRecord(world())).toMatchObject({ attempts: 2, healed_at: null });
    expect(await retried(world().pool, { maxAttempts: 3 })).toMatchObject([
      { outcome: 'failed', attempts: 3 },
    ]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
  });

  test('by a filter leaves the others alone', async () => {
    const [one, other] = [await ownersRow(), await ownersRow()];
    await world().project([updated(one, 'summary')]);
    await world().project([rawRecord(other.id, {})]);
    expect(await retried(world().pool, { filter: { reason: 'unmappable' } })).toMatchObject([
      { legacyId: other.id },
    ]);
    expect(await retried(world().pool, { filter: { legacyId: one.id } })).toMatchObject([
      { legacyId: one.id },
    ]);
    expect((await world().quarantined()).map(({ attempts }) => attempts)).toEqual([1, 1]);
    for (const { id } of [one, other])
      expect(await world().ledger(id)).toMatchObject({ decision: 'quarantined' });
  });

  test('of a record that a later event has healed is none', async () => {
    const row = await ownersRow();
    await world().project([rawRecord(row.id, {}), inserted(row)]);
    const before = await everything(world().pool);
    const { id } = await theOnlyRecord(world());
    expect(await retried(world().pool, { filter: { ids: [String(id)] } })).toMatchObject([
      { outcome: 'closed', attempts: 0 },
    ]);
    expect(await everything(world().pool)).toEqual(before);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', offset: 2 });
  });

  test('of a waived record happens only where it is named', async () => {
    const row = await ownersRow();
    await world().project([updated(row, 'summary')]);
    const { id } = await theOnlyRecord(world());
    await waive(world().pool, { ids: [String(id)], by: 'the data owner', reason: 'a row of staging' });
    await world().legacyRow(row);
    expect(await retried(world().pool)).toEqual([]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
    expect(await retried(world().pool, { filter: { ids: [String(id)] } })).toMatchObject([
      { outcome: 'decided' },
    ]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    await expectLasting(world());
  });

  test('of an id that nothing was parked under says so', async () => {
    const row = await ownersRow();
    await world().project([rawRecord(row.id, {})]);
    await expect(retried(world().pool, { filter: { ids: ['999999'] } })).rejects.toMatchObject({
      code: 'QUARANTINE_RECORD',
      message: 'nothing was ever parked under 999999',
    });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
  });
});
