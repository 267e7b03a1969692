import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import {
  aRow,
  COMMITTED_AT_MS,
  incrementalSnapshotOf,
  inserted,
  updated,
  type RowValues,
} from '../support/records.ts';
import { swept } from '../support/swept.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

/** A time so many seconds from when the records say that their changes were committed. */
const after = (seconds: number) => new Date(COMMITTED_AT_MS + seconds * 1000).toISOString();

const runOf = (owner: Owner, seconds: number, values: Partial<RowValues> = {}) =>
  aRow({ agent_context_id: owner.context, user_id: owner.user, started_at: after(seconds), ...values });
const liveOf = (owner: Owner, seconds: number) =>
  world().live({ agent_url: owner.url, tested_at: after(seconds) });

async function standing(...rows: readonly RowValues[]) {
  return await Promise.all(
    rows.map(async ({ id }) => {
      const entry = await world().ledger(id);
      return [entry?.['decision'], entry?.['canonical_run_id']];
    }),
  );
}
const projected = ({ id }: RowValues) => ['projected', canonicalRunId(id)];

describe('a link', () => {
  test('that is settled stands, though rows that come later would pair otherwise', async () => {
    const owner = await world().owner();
    const far = await liveOf(owner, 60);
    const settled = runOf(owner, 0);
    await world().project([inserted(settled)]);
    await world().execute('DELETE FROM history_cdc.unsettled_twin WHERE legacy_id = $1', settled.id);
    const near = await liveOf(owner, 1);
    const late = runOf(owner, 61);
    await world().project([inserted(late)]);
    expect(await standing(settled, late)).toEqual([
      ['twin', far],
      ['twin', near],
    ]);
  });

  test('of a run that was moved to another agent stands, though a nearer run comes to the one it left', async () => {
    const owner = await world().owner();
    const second = await world().owner();
    await world().member(owner.user, second.organization);
    const live = await liveOf(owner, 10);
    const moved = runOf(owner, 0);
    await world().project([inserted(moved)]);
    await world().project([updated({ ...moved, agent_context_id: second.context })]);
    const nearer = runOf(owner, 9);
    await world().project([inserted(nearer)]);
    expect(await standing(moved, nearer)).toEqual([['twin', live], projected(nearer)]);
  });

  test('of a run that changed when its time was over stands, though a nearer run comes', async () => {
    const owner = await world().owner();
    const live = await liveOf(owner, -9990);
    const changed = runOf(owner, -10_000);
    await world().project([inserted(changed)]);
    await world().project([updated({ ...changed, summary: 'changed' })]);
    const nearer = runOf(owner, -9991);
    await world().project([inserted(nearer)]);
    expect(await standing(changed, nearer)).toEqual([['twin', live], projected(nearer)]);
  });

  test('of a run that a snapshot only read again when its time was over goes to a nearer run', async () => {
    const owner = await world().owner();
    const live = await liveOf(owner, -9990);
    const read = runOf(owner, -10_000);
    await world().project([inserted(read)]);
    await world().project([incrementalSnapshotOf(read)]);
    const nearer = runOf(owner, -9991);
    await world().project([inserted(nearer)]);
    expect(await standing(read, nearer)).toEqual([projected(read), ['twin', live]]);
  });

  test('of a run on an agent that opted out goes to a nearer run, and no row of ours takes its place', async () => {
    const owner = await world().owner();
    await world().registered(owner.url, { optedOut: true });
    const live = await liveOf(owner, 10);
    const [far, near] = [runOf(owner, 0), runOf(owner, 9)];
    await world().project([inserted(far)]);
    expect(await standing(far)).toEqual([['twin', live]]);
    await world().project([inserted(near)]);
    expect(await standing(far, near)).toEqual([
      ['opted_out', null],
      ['twin', live],
    ]);
  });

  test.each([
    ['in the last moment of its time is undone', '2026-05-06T06:56:09.123000Z', 'projected'],
    ['a microsecond later stands', '2026-05-06T06:56:09.122999Z', 'twin'],
  ])('of a run that is changed %s', async (_, startedAt, decision) => {
    const owner = await world().owner();
    const row = runOf(owner, 0, { started_at: startedAt });
    await world().live({ agent_url: owner.url, tested_at: startedAt });
    await world().project([inserted(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin' });
    await world().project([updated({ ...row, summary: 'changed' })]);
    expect(await world().ledger(row.id)).toMatchObject({ decision });
  });
});

test('a run that is decided anew is matched as it is now, once', async () => {
  const owner = await world().owner();
  await world().registered(owner.url, { optedOut: true });
  const row = runOf(owner, 0);
  await world().project([inserted(row)]);
  expect(await standing(row)).toEqual([['opted_out', null]]);
  const live = await liveOf(owner, 1);
  await world().project([updated({ ...row, steps_passed: 1 })]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live, offset: 2 });
});

test('runs hand live rows on to each other in one sweep, earlier to later and later to earlier', async () => {
  const [forwards, backwards] = [await world().owner(), await world().owner()];
  const ids = ['1', '2', '3', '4'].map((n) => ({ id: `${n}0000000-0000-4000-8000-000000000000` }));
  const [a, b, c, d] = [
    runOf(forwards, 0, ids[0]),
    runOf(forwards, 100, ids[1]),
    runOf(backwards, 0, ids[2]),
    runOf(backwards, 100, ids[3]),
  ];
  const [x1, x2] = [await liveOf(forwards, 50), await liveOf(forwards, 160)];
  const [y1, y2] = [await liveOf(backwards, -60), await liveOf(backwards, 50)];
  await world().project([a, b, c, d].map(inserted));
  expect(await standing(a, b, c, d)).toEqual([x1, x2, y1, y2].map((id) => ['twin', id]));
  const [x0, y3] = [await liveOf(forwards, 1), await liveOf(backwards, 99)];
  expect((await swept(world().pool)).relinked).toHaveLength(4);
  expect(await standing(a, b, c, d)).toEqual([x0, x1, y2, y3].map((id) => ['twin', id]));
});
