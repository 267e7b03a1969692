import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { everything } from '../support/fingerprint.ts';
import { outcome } from '../support/own-rows.ts';
import { deleted, inserted, updated, type RowValues } from '../support/records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';
import { NOBODY_OWNS_ANYTHING, runOf, takenBack } from './taken-back.ts';

const world = useWorld();

const stateOf = (...rows: RowValues[]) =>
  outcome(
    world().pool,
    { legacyIds: rows.map(({ id }) => id), runIds: rows.map(({ id }) => canonicalRunId(id)) },
    String,
  );

async function projected(...messages: Parameters<ReturnType<typeof world>['project']>[0]): Promise<void> {
  await world().project(messages);
  for (const { id } of messages) if (id !== null) await world().ledger(id);
}

const leftAside = async () =>
  (await world().pool.query('SELECT FROM history_cdc.undone u JOIN history_cdc.ledger l USING (legacy_id)'))
    .rowCount;

/** Canonical rows of an agent, whosever they are. */
const runsOn = async ({ url }: Owner) =>
  (
    await world().pool.query<{ id: string }>(
      'SELECT id FROM public.agent_compliance_runs WHERE agent_url = $1 ORDER BY id',
      [url],
    )
  ).rows.map(({ id }) => id);

describe('a replay restores what was taken back as it was, although since then', () => {
  test.each<[string, (owner: Owner) => Promise<unknown>]>([
    [
      'its context was deleted',
      (o) => world().execute('DELETE FROM public.agent_contexts WHERE id = $1', o.context),
    ],
    [
      'its context names another agent',
      (o) =>
        world().execute(
          "UPDATE public.agent_contexts SET agent_url = 'https://other.example' WHERE id = $1",
          o.context,
        ),
    ],
    [
      'the membership of its user ended',
      (o) => world().execute('DELETE FROM public.organization_memberships WHERE workos_user_id = $1', o.user),
    ],
    [
      'the organisation lists the agent no more',
      (o) =>
        world().execute(
          "UPDATE public.member_profiles SET agents = '[]' WHERE workos_organization_id = $1",
          o.organization,
        ),
    ],
    [
      'the agent opted out, at another stage',
      (o) => world().registered(o.url, { stage: 'deprecated', optedOut: true }),
    ],
    ['nobody owns anything', () => world().pool.query(NOBODY_OWNS_ANYTHING)],
  ])('%s', async (_, change) => {
    const [owner, other] = [await world().owner(), await world().owner()];
    await world().member(owner.user, other.organization);
    const rows = ['a', 'b', 'c', 'd', 'e'].map((summary) => runOf(owner, { summary }));
    const [changed, moved, movedAway, gone, long] = rows as [
      RowValues,
      RowValues,
      RowValues,
      RowValues,
      RowValues,
    ];
    await world().legacyRow(long);
    await projected(
      ...rows.map(inserted),
      updated({ ...changed, summary: 'newest', agent_profile_json: 'null' }),
      updated({ ...moved, agent_context_id: other.context }),
      updated({ ...movedAway, user_id: 'stranger' }),
      updated({ ...long, steps_passed: 1 }, 'summary', 'agent_profile_json'),
      deleted(gone.id),
    );
    const wanted = await stateOf(...rows);
    await takenBack(world().pool);
    expect(await stateOf(...rows)).toMatchObject({ ledger: [], runs: [] });
    await change(owner);
    expect(await world().replay(3)).toMatchObject({
      decisions: { projected: 5 },
      changes: { runsInserted: 5, runsUpdated: 0, runsDeleted: 0, ledgerWritten: 5 },
      records: { applied: 0 },
    });
    expect(await stateOf(...rows)).toEqual(wanted);
    const after = await everything(world().pool);
    await world().replay();
    expect(await everything(world().pool), 'the next replay changes nothing').toEqual(after);
    expect(await leftAside()).toBe(0);
  });

  test('it was taken back and restored before', async () => {
    const rows = [runOf(await world().owner()), runOf(await world().owner())];
    await projected(...rows.map(inserted));
    const wanted = await stateOf(...rows);
    const removed = await takenBack(world().pool);
    // The second finds nothing any more, and loses nothing of what the first has kept.
    expect(await takenBack(world().pool)).toBe(0);
    await world().replay();
    expect(await takenBack(world().pool)).toBe(removed - 1);
    await world().pool.query(NOBODY_OWNS_ANYTHING);
    await world().replay();
    expect(await stateOf(...rows)).toEqual(wanted);
  });

  test('a dry run of the replay has restored nothing', async () => {
    const row = runOf(await world().owner());
    await projected(inserted(row));
    await takenBack(world().pool);
    const before = await everything(world().pool);
    expect(await world().dryReplay()).toMatchObject({
      decisions: { projected: 1 },
      changes: { runsInserted: 1 },
    });
    expect(await everything(world().pool)).toEqual(before);
  });
});

describe('no run is there twice: a replay', () => {
  test.each([1, 10_000])('gives way to a live row that came since, in batches of %i', async (batch) => {
    const owner = await world().owner();
    const [row, same] = [runOf(owner), runOf(owner, { started_at: '2026-03-04T05:06:30Z' })];
    await projected(inserted(row), inserted(same));
    const wanted = await stateOf(same);
    await takenBack(world().pool);
    const live = await world().live({ agent_url: owner.url });
    await world().pool.query('DELETE FROM public.organization_memberships');
    await world().replay(batch);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
    expect(await stateOf(same)).toMatchObject({ ledger: wanted.ledger, runs: wanted.runs });
    expect(await runsOn(owner)).toEqual([live, canonicalRunId(same.id)].sort());
  });

  test('gives way also where the run took no part in matching, if the live rows have reached it by now', async () => {
    const owner = await world().owner();
    const [row, alone] = [runOf(owner), runOf(owner, { summary: 'alone' })];
    world().floorUs = () => 2n ** 62n;
    await projected(inserted(row), inserted(alone));
    expect(await world().ledger(row.id)).toMatchObject({ fingerprint: null });
    const wanted = await stateOf(alone);
    await takenBack(world().pool);
    const live = await world().live({ agent_url: owner.url });
    world().floorUs = () => 0n;
    await world().replay();
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
    expect((await stateOf(alone)).runs).toEqual(wanted.runs);
    expect(await runsOn(owner)).toEqual([live, canonicalRunId(alone.id)].sort());
  });

  test('takes no part in matching where it did not, as long as no live row is that old', async () => {
    const row = runOf(await world().owner());
    world().floorUs = () => 2n ** 62n;
    await projected(inserted(row));
    const wanted = await stateOf(row);
    await takenBack(world().pool);
    await world().replay();
    expect(await stateOf(row)).toEqual(wanted);
  });

  test('adopts what the earlier script copied since', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await projected(inserted(row));
    const recorded = (await world().ledger(row.id)) ?? {};
    await takenBack(world().pool);
    const copy = await world().scriptCopy(row.id);
    await world().pool.query(NOBODY_OWNS_ANYTHING);
    expect(await world().replay()).toMatchObject({ decisions: { adopted: 1 }, changes: { runsInserted: 0 } });
    expect(await world().ledger(row.id)).toEqual({
      ...recorded,
      ...{ decision: 'adopted', reason: 'script_copy', canonical_run_id: copy },
      ...{ fingerprint: null, profile_hash: null, decided_at: expect.any(String) as unknown },
    });
    expect(await runsOn(owner)).toEqual([]);
    expect(await leftAside()).toBe(0);
  });

  test('leaves a canonical row that somebody brought back by hand, and links it again', async () => {
    const row = runOf(await world().owner());
    await projected(inserted(row));
    const wanted = await stateOf(row);
    await world().execute('CREATE TABLE public.backup AS SELECT * FROM public.agent_compliance_runs');
    try {
      await takenBack(world().pool);
      await world().execute(
        'INSERT INTO public.agent_compliance_runs SELECT * FROM public.backup WHERE id = $1',
        canonicalRunId(row.id),
      );
    } finally {
      await world().pool.query('DROP TABLE public.backup');
    }
    expect(await world().replay()).toMatchObject({ changes: { runsInserted: 0, ledgerWritten: 1 } });
    expect(await stateOf(row)).toEqual(wanted);
  });

  test('does not write again what retention took after it was restored', async () => {
    const row = runOf(await world().owner());
    await projected(inserted(row));
    await takenBack(world().pool);
    await world().replay();
    await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', canonicalRunId(row.id));
    await world().replay();
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    expect(await world().run(row.id)).toBeUndefined();
  });
});
