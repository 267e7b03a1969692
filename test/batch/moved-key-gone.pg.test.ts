import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { aRow, deleted, inserted, keyChange, type RowValues } from '../support/records.ts';
import { expectLasting, retried } from '../support/retried.ts';
import { reconciled } from '../support/reconciled.ts';
import { swept } from '../support/swept.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

async function ownersRow(values: Partial<RowValues> = {}): Promise<RowValues> {
  const owner = await world().owner();
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

const open = async () => (await world().quarantined()).filter(({ healed_at }) => healed_at === null);
const named = async (...ids: readonly string[]) =>
  (await reconciled(world().pool)).named.filter((name) => ids.some((id) => name.includes(id)));

/** A row that was changed together with its key, and deleted before the sweep read it. */
async function movedAndGone(values: Partial<RowValues>, isDeleteRead: boolean) {
  const row = await ownersRow(values);
  const renamed = { ...row, id: randomUUID(), steps_failed: 44 };
  const { gone } = keyChange(row, renamed.id);
  const { come } = keyChange({ ...renamed, id: row.id }, renamed.id);
  await world().project([inserted(row)]);
  await world().project([gone, come]);
  if (isDeleteRead) await world().project([deleted(renamed.id)]);
  await swept(world().pool);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'gone', reason: 'key_changed' });
  return { row, renamed };
}

describe.each([
  ['before its delete is read', false],
  ['after its delete is read', true],
])('the create of a moved key whose row is gone by now, retried %s', (_, isDeleteRead) => {
  test('shows an owner’s run as it was last, once', async () => {
    const { row, renamed } = await movedAndGone({}, isDeleteRead);
    expect(await world().ledger(renamed.id)).toMatchObject({
      decision: 'projected',
      canonical_run_id: canonicalRunId(row.id),
    });
    expect(await open()).toMatchObject([{ legacy_id: renamed.id, reason: 'key_changed' }]);
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'decided' }]);
    expect(await world().run(renamed.id)).toMatchObject({ tracks_failed: 44 });
    expect(await world().ledger(renamed.id)).toMatchObject({
      decision: 'projected',
      canonical_run_id: canonicalRunId(row.id),
      source_deleted_at: isDeleteRead ? (expect.anything() as unknown) : null,
    });
    expect(await open()).toEqual([]);
    await expectLasting(world());
    if (!isDeleteRead) await world().project([deleted(renamed.id)]);
    expect(await world().ledger(renamed.id)).toMatchObject({ decision: 'projected', op: 'd' });
    expect(await named(row.id, renamed.id)).toEqual([]);
  });

  test('decides a stranger’s row', async () => {
    const { renamed } = await movedAndGone({ user_id: 'stranger' }, isDeleteRead);
    expect(await retried(world().pool)).toMatchObject([{ outcome: 'decided' }]);
    expect(await world().ledger(renamed.id)).toMatchObject({ decision: 'third_party' });
    expect(await open()).toEqual([]);
    await expectLasting(world());
  });
});

test('a row that the earlier script had copied keeps its link through two changes of its key', async () => {
  const row = await ownersRow();
  const [second, third] = [
    { ...row, id: randomUUID() },
    { ...row, id: randomUUID() },
  ];
  const copy = await world().scriptCopy(row.id);
  await world().legacyRow(third);
  await world().project([inserted(row)]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'adopted', canonical_run_id: copy });
  for (const [from, to] of [
    [row, second],
    [second, third],
  ] as const) {
    const { gone, come } = keyChange(from, to.id);
    await world().project([gone, come]);
    await swept(world().pool);
  }
  for (const { id } of [row, second])
    expect(await world().ledger(id)).toMatchObject({ decision: 'gone', reason: 'key_changed' });
  expect(await world().ledger(third.id)).toMatchObject({ decision: 'adopted', canonical_run_id: copy });
  expect(await named(row.id, second.id, third.id)).toEqual([]);
});
