import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { aRow, inserted, keyChange, updated, type Message, type RowValues } from '../support/records.ts';
import { reconciled } from '../support/reconciled.ts';
import { swept } from '../support/swept.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

async function ownersRow(values: Partial<RowValues> = {}): Promise<RowValues> {
  const owner = await world().owner();
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

async function runsOf(...ids: string[]): Promise<unknown[]> {
  const { rows } = await world().pool.query<{ id: string }>(
    `SELECT id FROM public.agent_compliance_runs WHERE observations_json ->> 'backfill_source_id' = ANY ($1)`,
    [ids],
  );
  return rows.map(({ id }) => id);
}

const openRecords = async () => (await world().quarantined()).filter(({ healed_at }) => healed_at === null);

/** The two halves of a change, in the order in which their partitions are read. */
const ORDERS: readonly (readonly [
  string,
  (halves: { gone: Message; come: Message }) => readonly Message[],
])[] = [
  ['the delete first', ({ gone, come }) => [gone, come]],
  ['the create first', ({ gone, come }) => [come, gone]],
];

describe.each(ORDERS)('a changed primary key, %s', (_, inOrder) => {
  test('moves an owner’s run: one canonical row, which keeps its id', async () => {
    const row = await ownersRow();
    const renamed = { ...row, id: randomUUID(), steps_failed: 41 };
    await world().project([inserted(row)]);
    await world().legacyRow(renamed);
    const halves = keyChange(row, renamed.id);
    for (const half of inOrder({ ...halves, come: keyChange({ ...renamed, id: row.id }, renamed.id).come }))
      await world().project([half]);
    expect(await runsOf(row.id, renamed.id)).toEqual([canonicalRunId(row.id)]);
    expect(await world().ledger(renamed.id)).toMatchObject({
      decision: 'quarantined',
      reason: 'key_changed',
    });

    expect((await swept(world().pool)).movedKeys).toEqual([renamed.id]);
    expect(await runsOf(row.id, renamed.id)).toEqual([canonicalRunId(row.id)]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'gone',
      reason: 'key_changed',
      canonical_run_id: null,
    });
    expect(await world().ledger(renamed.id)).toMatchObject({
      decision: 'projected',
      source_deleted_at: null,
    });
    expect(await world().run(renamed.id)).toMatchObject({
      id: canonicalRunId(row.id),
      tracks_failed: 41,
      observations_json: { backfill_source_id: renamed.id },
    });
    expect(await openRecords()).toEqual([]);
    expect(
      (await reconciled(world().pool)).named.filter(
        (name) => name.includes(renamed.id) || name.includes(row.id),
      ),
    ).toEqual([]);
    expect((await swept(world().pool)).movedKeys).toEqual([]);
    expect((await world().replay()).changes).toMatchObject({
      runsInserted: 0,
      runsUpdated: 0,
      ledgerWritten: 0,
    });
    const again = { ...renamed, steps_failed: 42 };
    await world().project([updated(again)]);
    expect(await world().run(renamed.id)).toMatchObject({ tracks_failed: 42 });
  });

  test('in one batch with everything else of both keys', async () => {
    const row = await ownersRow();
    const renamed = { ...row, id: randomUUID(), steps_failed: 43 };
    await world().legacyRow(renamed);
    const [first, second] = inOrder(keyChange(row, renamed.id));
    await world().project([inserted(row), ...(first && second ? [first, second] : []), updated(renamed)]);
    expect(await runsOf(row.id, renamed.id)).toEqual([canonicalRunId(row.id)]);
    await swept(world().pool);
    expect(await world().run(renamed.id)).toMatchObject({ id: canonicalRunId(row.id), tracks_failed: 43 });
    expect(await runsOf(row.id, renamed.id)).toHaveLength(1);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'gone' });
    expect(await openRecords()).toEqual([]);
  });

  test('moves the link to a live row', async () => {
    const owner = await world().owner();
    const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
    const live = await world().live({ agent_url: owner.url });
    const renamed = { ...row, id: randomUUID() };
    await world().legacyRow(renamed);
    await world().project([inserted(row)]);
    await world().project(inOrder(keyChange(row, renamed.id)));
    await swept(world().pool);
    expect(await world().ledger(renamed.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'gone' });
    expect(await runsOf(row.id, renamed.id)).toEqual([]);
  });

  test('of a stranger’s row is decided at the new key', async () => {
    const row = await ownersRow({ user_id: 'stranger' });
    const renamed = { ...row, id: randomUUID() };
    await world().legacyRow(renamed);
    await world().project([inserted(row)]);
    await world().project(inOrder(keyChange(row, renamed.id)));
    await swept(world().pool);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'gone', reason: 'key_changed' });
    expect(await world().ledger(renamed.id)).toMatchObject({ decision: 'third_party' });
    expect(await openRecords()).toEqual([]);
  });

  test('that is changed back is the old key’s run again', async () => {
    const row = await ownersRow();
    const renamed = { ...row, id: randomUUID() };
    await world().legacyRow(row);
    await world().project([inserted(row)]);
    await world().project(inOrder(keyChange(row, renamed.id)));
    await world().project(inOrder(keyChange(renamed, row.id)));
    await swept(world().pool);
    expect(await runsOf(row.id, renamed.id)).toEqual([canonicalRunId(row.id)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', source_deleted_at: null });
    expect(await world().ledger(renamed.id)).toMatchObject({ decision: 'gone', reason: 'key_changed' });
  });

  test('twice, from key to key to key', async () => {
    const row = await ownersRow();
    const [second, third] = [
      { ...row, id: randomUUID() },
      { ...row, id: randomUUID() },
    ];
    await world().legacyRow(third);
    await world().project([inserted(row)]);
    await world().project(inOrder(keyChange(row, second.id)));
    await world().project(inOrder(keyChange(second, third.id)));
    await swept(world().pool);
    expect(await runsOf(row.id, second.id, third.id)).toEqual([canonicalRunId(row.id)]);
    expect(await world().ledger(third.id)).toMatchObject({ decision: 'projected' });
    expect(await world().ledger(second.id)).toMatchObject({ decision: 'gone', reason: 'key_changed' });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'gone', reason: 'key_changed' });
    expect(await openRecords()).toEqual([]);
  });
});

describe('what cannot be shown to be right waits for a person', () => {
  test('a new key that had a canonical row in an earlier life: both rows stand, none is doubled', async () => {
    const [row, other] = [await ownersRow(), await ownersRow()];
    await world().project([inserted(row), inserted(other)]);
    const { gone, come } = keyChange(row, other.id);
    await world().legacyRow({ ...row, id: other.id });
    await world().project([gone, come]);
    expect((await swept(world().pool)).movedKeys).toEqual([]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      canonical_run_id: canonicalRunId(row.id),
    });
    expect(await world().ledger(other.id)).toMatchObject({
      decision: 'projected',
      canonical_run_id: canonicalRunId(other.id),
    });
    expect(await openRecords()).toMatchObject([{ legacy_id: other.id, reason: 'key_changed' }]);
  });

  test('an old key that is used again', async () => {
    const row = await ownersRow();
    const renamed = { ...row, id: randomUUID() };
    await world().legacyRow(renamed);
    await world().project([inserted(row)]);
    const { gone, come } = keyChange(row, renamed.id);
    await world().project([gone, come]);
    await world().project([inserted({ ...row, summary: 'another run' })]);
    await swept(world().pool);
    expect(await runsOf(row.id, renamed.id)).toEqual([canonicalRunId(row.id)]);
    expect(await world().ledger(renamed.id)).toMatchObject({ decision: 'projected' });
    expect(await world().run(renamed.id)).toMatchObject({ headline: row.summary });
    expect(await world().ledger(row.id)).toBeDefined();
    expect(await openRecords()).toMatchObject([{ legacy_id: row.id, reason: 'key_changed' }]);
  });
});
