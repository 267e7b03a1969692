import { expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/canonical-run-id.ts';
import { planUndo, undo } from '../../consumers/agent-test-history/undo/undo.ts';
import { outcome, type OwnRows } from '../support/own-rows.ts';
import {
  aRow,
  deleted,
  incrementalSnapshotOf,
  inserted,
  rawRecord,
  snapshotOf,
  tombstone,
  updated,
  type Message,
  type RowValues,
} from '../support/records.ts';
import { swept } from '../support/swept.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

function runOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

/** As on a database that has never been projected into, with its live rows and the script's copies. */
const EMPTY = `
  DELETE FROM public.agent_compliance_runs WHERE observations_json ->> 'backfill_script' = 'history-cdc';
  DELETE FROM history_cdc.ledger; DELETE FROM history_cdc.unsettled_twin; DELETE FROM history_cdc.quarantine`;

const DECISIONS = 'SELECT DISTINCT decision FROM history_cdc.ledger WHERE legacy_id = ANY ($1) ORDER BY 1';

/** A topic with a bit of everything, projected in several batches, with what only sweeps bring about. */
async function projectedHistory(): Promise<OwnRows> {
  const [owner, other, shy] = [await world().owner(), await world().owner(), await world().owner()];
  await world().member(owner.user, other.organization);
  await world().registered(shy.url, { optedOut: true });
  const history = Array.from({ length: 8 }, (_, n) => runOf(owner, { summary: `history ${String(n)}` }));
  const [changed, moved, movedAway, gone, again] = history as [
    RowValues,
    RowValues,
    RowValues,
    RowValues,
    RowValues,
  ];
  const [twin, twinLater] = ['at once', 'later'].map((summary) => runOf(owner, { summary })) as [
    RowValues,
    RowValues,
  ];
  const copied = runOf(owner, { summary: 'copied' });
  const joins = runOf(owner, { user_id: 'user_who_joins' });
  const others = [
    runOf(owner, { user_id: 'stranger' }),
    runOf(owner, { user_id: null }),
    runOf(owner, { agent_context_id: 'e0000000-0000-4000-8000-000000000009' }),
    runOf(shy),
  ];
  const [neverSeen, unreadable] = [runOf(owner), runOf(owner)];
  const long = runOf(owner, { summary: 'a long summary', agent_profile_json: '{"n": 1.50}' });
  for (const row of [joins, long]) await world().legacyRow(row);
  await world().scriptCopy(copied.id);
  await world().live({ agent_url: owner.url, headline: 'at once' });
  const batches: Message[][] = [
    [...history, twin, twinLater, copied, joins, ...others].map(snapshotOf),
    [
      updated({ ...changed, summary: 'newest', steps_passed: 0 }),
      updated({ ...moved, agent_context_id: other.context }),
      updated({ ...movedAway, user_id: 'stranger' }),
      deleted(gone.id),
      tombstone(gone.id),
      deleted(again.id),
      deleted(neverSeen.id),
      inserted(long),
      rawRecord(unreadable.id, { op: 'c' }),
    ],
    [
      inserted({ ...again, summary: 'inserted again' }),
      updated({ ...long, steps_passed: 3 }, 'summary', 'agent_profile_json'),
      incrementalSnapshotOf({ ...changed, summary: 'newest', steps_passed: 0 }),
    ],
  ];
  for (const batch of batches) await world().project(batch);
  await world().member('user_who_joins', owner.organization);
  await world().live({ agent_url: owner.url, headline: 'later' });
  expect(await swept(world().pool)).toMatchObject({
    absorbed: [twinLater.id],
    lateOwners: { flipped: new Map([[joins.id, 'projected']]) },
  });
  const legacyIds = [...new Set(batches.flat().flatMap(({ id }) => id ?? []))];
  for (const id of legacyIds) await world().ledger(id);
  const { rows } = await world().pool.query<{ decision: string }>(DECISIONS, [legacyIds]);
  expect(rows.map(({ decision }) => decision)).toEqual([
    'adopted',
    'anonymous',
    'gone',
    'opted_out',
    'orphaned',
    'projected',
    'quarantined',
    'third_party',
    'twin',
  ]);
  return { legacyIds, runIds: legacyIds.map(canonicalRunId) };
}

const contentOf = (own: OwnRows) => outcome(world().pool, own, String);

test.each([10_000, 3, 1])(
  'a replay of the whole topic into an empty ledger gives what was there, byte by byte, in batches of %i',
  async (rows) => {
    const own = await projectedHistory();
    const wanted = await contentOf(own);
    expect(wanted.runs.length).toBeGreaterThan(8);
    await world().pool.query(EMPTY);
    expect(await contentOf(own)).toEqual({ ledger: [], runs: [], quarantine: [], unsettled: [] });
    await world().replay(rows);
    expect(await contentOf(own)).toEqual(wanted);
  },
);

test('a replay after everything was taken back gives what was there, byte by byte', async () => {
  const own = await projectedHistory();
  const wanted = await contentOf(own);
  const work = { canonical: world().pool, progress: () => undefined };
  const { removable } = await planUndo(work);
  expect(await undo(work, removable)).toMatchObject({ removable, blocked: new Map() });
  expect((await contentOf(own)).runs).toEqual([]);
  await world().replay();
  expect(await contentOf(own)).toEqual(wanted);
});
