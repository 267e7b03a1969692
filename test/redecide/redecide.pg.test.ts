import { describe, expect, test } from 'vitest';
import { NO_CHANGES } from '../../consumers/agent-test-history/rule/changes.ts';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { redecide, type RedecideContext } from '../../operations/redecide/redecide.ts';
import { everything } from '../support/fingerprint.ts';
import { aRow, deleted, inserted, updated, type RowValues } from '../support/records.ts';
import { MATCHING } from '../support/run-records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const DAY = 24 * 3600;

/** What `redecide` says of the rows that are not the bystander's, and what it applied. */
async function redecided(others: Partial<RedecideContext> = {}) {
  const { pool, policy } = world();
  const result = await redecide({
    canonical: pool,
    legacy: pool,
    optOutPolicy: policy,
    matching: MATCHING,
    graceSeconds: DAY,
    apply: false,
    progress: () => undefined,
    ...others,
  });
  const bystander = (id: string) => id.startsWith('c0000000');
  return { ...result, changes: result.changes.filter(({ legacyId }) => !bystander(legacyId)) };
}

function runOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

/** Projected, and in the legacy table as they were. */
async function projectedRows(...rows: RowValues[]): Promise<void> {
  for (const row of rows) await world().legacyRow(row);
  await world().project(rows.map(inserted));
  for (const row of rows) await world().ledger(row.id);
}

const decisionOf = async ({ id }: RowValues) => (await world().ledger(id))?.['decision'];

const leaves = (user: string) =>
  world().execute('DELETE FROM public.organization_memberships WHERE workos_user_id = $1', user);

const age = (...rows: RowValues[]) =>
  world().execute(
    "UPDATE history_cdc.ledger SET decided_at = decided_at - interval '25 hours' WHERE legacy_id = ANY ($1)",
    rows.map(({ id }) => id),
  );

describe('rows without a canonical row', () => {
  test('that nothing has changed for are not listed', async () => {
    const owner = await world().owner();
    await projectedRows(runOf(owner), runOf(owner, { user_id: 'stranger' }), runOf(owner, { user_id: null }));
    const { changes, lookedUp, applied, written } = await redecided({ apply: true });
    expect({ changes, lookedUp, applied, written }).toEqual({
      changes: [],
      lookedUp: 4,
      applied: new Map(),
      written: NO_CHANGES,
    });
  });

  test('are listed with what changed; a dry run changes nothing; applied, they are decided anew', async () => {
    const owner = await world().owner();
    const member = runOf(owner, { user_id: 'user_who_joins' });
    const other = runOf(owner, { user_id: 'user_who_does_not' });
    await projectedRows(member, other);
    await world().member('user_who_joins', owner.organization);
    const before = await everything(world().pool);
    const change = {
      legacyId: member.id,
      from: 'third_party',
      to: 'projected',
      why: ['membership now'],
      standing: 'open',
    };
    expect(await redecided()).toMatchObject({ changes: [change], applied: new Map() });
    expect(await everything(world().pool)).toEqual(before);
    expect(await redecided({ apply: true })).toMatchObject({
      changes: [change],
      applied: new Map([[member.id, 'projected']]),
      written: { runsInserted: 1, ledgerWritten: 1 },
    });
    expect(await world().run(member.id)).toMatchObject({ id: canonicalRunId(member.id) });
    expect(await decisionOf(other)).toBe('third_party');
    expect((await redecided({ apply: true })).changes).toEqual([]);
    expect(await world().replay()).toMatchObject({ changes: NO_CHANGES });
  });

  test('that are too old are only reported, unless the window is longer', async () => {
    const owner = await world().owner();
    const row = runOf(owner, { user_id: 'user_who_joins' });
    await projectedRows(row);
    await world().member('user_who_joins', owner.organization);
    await age(row);
    expect(await redecided({ apply: true })).toMatchObject({
      changes: [{ legacyId: row.id, standing: 'too_late' }],
      applied: new Map(),
    });
    expect(await decisionOf(row)).toBe('third_party');
    expect((await redecided({ apply: true, graceSeconds: 30 * DAY })).applied).toEqual(
      new Map([[row.id, 'projected']]),
    );
  });

  test('of an agent whose owner opts in again are projected, or twins where the live path recorded them', async () => {
    const owner = await world().owner();
    await world().registered(owner.url, { optedOut: true });
    const [row, recorded] = [runOf(owner), runOf(owner, { summary: 'recorded live' })];
    await projectedRows(row, recorded);
    expect(await decisionOf(row)).toBe('opted_out');
    const live = await world().live({ agent_url: owner.url, headline: 'recorded live' });
    await world().execute('UPDATE public.agent_registry_metadata SET compliance_opt_out = false');
    const { changes, applied } = await redecided({ apply: true });
    expect(changes.map(({ from, to, why }) => [from, to, why])).toEqual([
      ['opted_out', 'projected', ['opted in']],
      ['opted_out', 'projected', ['opted in']],
    ]);
    expect(applied).toEqual(
      new Map([
        [row.id, 'projected'],
        [recorded.id, 'twin'],
      ]),
    );
    expect(await world().ledger(recorded.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
    expect(await world().replay()).toMatchObject({ changes: NO_CHANGES });
  });

  test('are decided anew where the policy changed, and nothing else did', async () => {
    const owner = await world().owner();
    await world().registered(owner.url, { optedOut: true });
    const row = runOf(owner);
    await projectedRows(row);
    expect(await redecided({ optOutPolicy: 'project', apply: true })).toMatchObject({
      changes: [{ from: 'opted_out', to: 'projected', why: ['OPT_OUT_POLICY changed'] }],
      applied: new Map([[row.id, 'projected']]),
    });
  });

  test('of a context that comes back, with or without its owner', async () => {
    const owner = await world().owner();
    const context = 'e0000000-0000-4000-8000-000000000001';
    const [own, strange] = [runOf(owner), runOf(owner, { user_id: 'stranger' })].map((row) => ({
      ...row,
      agent_context_id: context,
    })) as [RowValues, RowValues];
    // The legacy table is in another database, where the context is there already.
    await world().project([inserted(own), inserted(strange)]);
    expect([await decisionOf(own), await decisionOf(strange)]).toEqual(['orphaned', 'orphaned']);
    await world().execute(
      'INSERT INTO public.agent_contexts (id, organization_id, agent_url) VALUES ($1, $2, $3)',
      context,
      owner.organization,
      `${owner.url}/`,
    );
    for (const row of [own, strange]) await world().legacyRow(row);
    const { changes, applied } = await redecided({ apply: true });
    expect(new Map(changes.map(({ legacyId, why }) => [legacyId, why]))).toEqual(
      new Map([
        [own.id, ['context back']],
        [strange.id, ['context back']],
      ]),
    );
    expect(applied).toEqual(
      new Map([
        [own.id, 'projected'],
        [strange.id, 'third_party'],
      ]),
    );
  });

  test('that were deleted are left out, and one whose delete is not here yet is left as it is', async () => {
    const owner = await world().owner();
    const [gone, going] = ['a', 'b'].map((summary) =>
      runOf(owner, { user_id: 'user_who_joins', summary }),
    ) as [RowValues, RowValues];
    await world().project([inserted(gone), deleted(gone.id), inserted(going)]);
    await world().member('user_who_joins', owner.organization);
    const { changes, applied } = await redecided({ apply: true });
    expect(changes.map(({ legacyId }) => legacyId)).toEqual([going.id]);
    expect(applied).toEqual(new Map());
    expect([await decisionOf(gone), await decisionOf(going)]).toEqual(['third_party', 'third_party']);
  });

  test('that an older rule decided are listed where the rule of today says otherwise, whatever the chunks', async () => {
    const owner = await world().owner();
    const rows = Array.from({ length: 5 }, () => runOf(owner));
    const same = runOf(owner, { user_id: 'stranger' });
    await projectedRows(...rows, same);
    await world().execute(
      `UPDATE history_cdc.ledger SET decision = 'third_party', reason = 'another rule', canonical_run_id = NULL,
                                     rule_version = 1 WHERE legacy_id = ANY ($1)`,
      rows.map(({ id }) => id),
    );
    await world().execute('UPDATE history_cdc.ledger SET rule_version = 1 WHERE legacy_id = $1', same.id);
    for (const chunkRows of [1, 3, 100]) {
      const { changes, lookedUp } = await redecided({ chunkRows });
      expect(lookedUp).toBe(7);
      expect(changes.map(({ legacyId }) => legacyId)).toEqual(rows.map(({ id }) => id).sort());
      expect(changes.every(({ why }) => why.join() === 'rule version 2')).toBe(true);
    }
    expect((await redecided({ chunkRows: 2, apply: true })).applied.size).toBe(5);
  });
});

describe("an owner's run", () => {
  test('whose user left, or whose agent is not listed any more, is listed, and stands', async () => {
    const [left, unlisted] = [await world().owner(), await world().owner()];
    const rows = [runOf(left), runOf(unlisted)] as const;
    await projectedRows(...rows);
    await leaves(left.user);
    await world().execute(
      "UPDATE public.member_profiles SET agents = '[]' WHERE workos_organization_id = $1",
      unlisted.organization,
    );
    const before = await everything(world().pool);
    const { changes, applied } = await redecided({ apply: true });
    expect(new Map(changes.map(({ legacyId, ...change }) => [legacyId, change]))).toEqual(
      new Map([
        [rows[0].id, { from: 'projected', to: 'third_party', why: ['membership lost'], standing: 'stands' }],
        [rows[1].id, { from: 'projected', to: 'third_party', why: ['unlisted'], standing: 'stands' }],
      ]),
    );
    expect(applied.size).toBe(0);
    expect(await everything(world().pool)).toEqual(before);
  });

  test('on an agent that opted out since is listed; a twin is not, because it was recorded', async () => {
    const owner = await world().owner();
    const [row, twin] = [runOf(owner), runOf(owner, { summary: 'recorded live' })];
    await world().live({ agent_url: owner.url, headline: 'recorded live' });
    await projectedRows(row, twin);
    expect(await decisionOf(twin)).toBe('twin');
    await world().registered(owner.url, { optedOut: true });
    expect((await redecided({ apply: true })).changes).toEqual([
      { legacyId: row.id, from: 'projected', to: 'opted_out', why: ['opted out'], standing: 'stands' },
    ]);
    expect(await decisionOf(row)).toBe('projected');
  });

  test('that went to an agent of somebody else is listed, and again when its user owns that one, too', async () => {
    const [owner, other] = [await world().owner(), await world().owner()];
    const row = runOf(owner);
    const moved = { ...row, agent_context_id: other.context };
    await world().legacyRow(moved);
    await world().project([inserted(row), updated(moved)]);
    const before = await world().run(row.id);
    const change = { legacyId: row.id, from: 'projected', standing: 'stands' };
    expect((await redecided({ apply: true })).changes).toEqual([
      { ...change, to: 'third_party', why: ['moved to an agent that the user does not own'] },
    ]);
    await world().member(owner.user, other.organization);
    expect((await redecided({ apply: true })).changes).toEqual([
      { ...change, to: 'projected', why: ['moved to an agent that the user now owns'] },
    ]);
    expect(await world().run(row.id)).toEqual(before);
    expect(before).toMatchObject({ agent_url: owner.url });
  });
});
