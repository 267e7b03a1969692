import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { EDGE_PROFILES } from '../support/edge-values.ts';
import { outcome, type OwnRows } from '../support/own-rows.ts';
import { actorsIn, image, messagesOf, rowOf, step } from '../support/random-history.ts';
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
import { useWorld } from '../support/world.ts';
import { NOBODY_OWNS_ANYTHING, runOf, takenBack } from './taken-back.ts';

const world = useWorld();

/** As on a database that has never been projected into, with its live rows and the script's copies. */
const EMPTY = `
  DELETE FROM public.agent_compliance_runs WHERE observations_json ->> 'backfill_script' = 'history-cdc';
  DELETE FROM history_cdc.ledger; DELETE FROM history_cdc.unsettled_twin; DELETE FROM history_cdc.quarantine`;

/** As Debezium writes them. */
const ODD_TIMES = [
  '2026-01-01T00:00:00.000001Z',
  'infinity',
  '-infinity',
  '-0043-03-15T12:00:00.000000Z',
  '+294276-12-31T23:59:59.999999Z',
];

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

/** Of a rebuild nobody is a late owner: the membership is there when the row is decided. */
const ownersFromTheStart = (content: Awaited<ReturnType<typeof contentOf>>) => ({
  ...content,
  ledger: content.ledger.map((entry) => entry.replace('"reason": "late_owner"', '"reason": "owner"')),
});

test.each([10_000, 3, 1])(
  'a replay of the whole topic into an empty ledger gives what was there, byte by byte, in batches of %i',
  async (rows) => {
    const own = await projectedHistory();
    const written = await contentOf(own);
    const wanted = ownersFromTheStart(written);
    expect(wanted).not.toEqual(written);
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
  await takenBack(world().pool);
  expect((await contentOf(own)).runs).toEqual([]);
  await world().pool.query(NOBODY_OWNS_ANYTHING);
  await world().replay();
  expect(await contentOf(own)).toEqual(wanted);
});

test('so does one of any history, in batches of any size, although nobody owns anything any more', async () => {
  let restored = 0;
  const history = fc.record({
    steps: fc.array(step, { minLength: 4, maxLength: 12 }),
    first: image,
    startedAt: fc.constantFrom(...ODD_TIMES),
    profile: fc.constantFrom(...EDGE_PROFILES),
    rows: fc.integer({ min: 1, max: 5 }),
  });
  const property = fc.asyncProperty(history, async ({ steps, first, startedAt, profile, rows }) => {
    await world().reset();
    const actors = await actorsIn(world());
    const ids = [0, 1, 2].map(() => randomUUID());
    const odd = aRow({
      agent_context_id: actors.contexts.owned,
      user_id: actors.users.owner,
      started_at: startedAt,
      agent_profile_json: profile,
    });
    const owned = { ...first, context: 'owned', user: 'owner' } as const;
    const messages = [
      ...ids.map((id) => inserted(rowOf(id, owned, actors))),
      ...steps.flatMap(({ key, what }) => messagesOf(ids[key] ?? '', what, actors)),
    ];
    await world().live({ agent_url: actors.urls.owned ?? '', headline: 'one' });
    await world().project([inserted(odd), ...messages]);
    const legacyIds = [odd.id, ...ids];
    for (const id of legacyIds) await world().ledger(id);
    const own = { legacyIds, runIds: legacyIds.map(canonicalRunId) };
    const wanted = await contentOf(own);
    restored += (await takenBack(world().pool)) - 1;
    expect((await contentOf(own)).runs).toEqual([]);
    await world().pool.query(NOBODY_OWNS_ANYTHING);
    await world().replay(rows);
    expect(await contentOf(own)).toEqual(wanted);
  });
  await fc.assert(property, { numRuns: 8, seed: 20_261_124 });
  // A property of histories in which nothing was an owner's would hold of anything.
  expect(restored).toBeGreaterThan(20);
});
