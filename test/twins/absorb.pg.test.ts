import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { NO_CHANGES } from '../../consumers/agent-test-history/rule/changes.ts';
import { sweep, type SweepResult } from '../../consumers/agent-test-history/sweep/sweep.ts';
import { aRow, deleted, inserted, updated, type RowValues } from '../support/records.ts';
import { MATCHING } from '../support/run-records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const HOUR = 3600;

async function swept(floorUs = MATCHING.floorUs): Promise<SweepResult> {
  const { pool, policy } = world();
  return await sweep({
    canonical: pool,
    legacy: pool,
    optOutPolicy: policy,
    matching: { ...MATCHING, floorUs },
    graceSeconds: 24 * HOUR,
    meter: { lower: () => undefined },
  });
}

const nothing = {
  absorbed: [],
  relinked: [],
  blocked: new Map(),
  lateOwners: { flipped: new Map(), reported: [] },
  changes: NO_CHANGES,
};

function runOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

describe('a live row that comes after its legacy row was projected', () => {
  test('takes over: our row goes, and the ledger points to the live one; a second sweep finds nothing', async () => {
    const owner = await world().owner();
    const [row, bystander] = [runOf(owner), runOf(owner, { summary: 'another run' })];
    await world().project([inserted(row), inserted(bystander)]);
    expect(await swept()).toMatchObject(nothing);
    const live = await world().live({ agent_url: owner.url });
    expect(await swept()).toMatchObject({
      absorbed: [row.id],
      changes: { runsInserted: 0, runsUpdated: 0, runsDeleted: 1, ledgerWritten: 1 },
    });
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'twin',
      reason: 'live_twin',
      canonical_run_id: live,
    });
    expect(await world().ledger(bystander.id)).toMatchObject({ decision: 'projected' });
    expect(await runs(owner)).toEqual([live, canonicalRunId(bystander.id)].sort());
    expect(await swept()).toMatchObject(nothing);
    expect(await world().replay()).toMatchObject({ changes: NO_CHANGES });
  });

  test('however old it is: also a row that had skipped matching, and a spelling that was never seen', async () => {
    const owner = await world().owner('https://old.example/mcp');
    const row = runOf(owner, { started_at: '2019-01-01T00:00:00Z' });
    const never = () => 2n ** 62n;
    world().floorUs = never;
    await world().project([inserted(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', fingerprint: null });
    const live = await world().live({
      agent_url: 'https://OLD.example/mcp/',
      tested_at: '2019-01-01T00:00:02Z',
    });
    expect(await swept(never)).toMatchObject({ absorbed: [row.id] });
    expect(await world().ledger(row.id)).toMatchObject({ canonical_run_id: live });
  });

  test('only the link moves where retention had pruned our row; nothing brings it back', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await world().project([inserted(row)]);
    await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', canonicalRunId(row.id));
    const live = await world().live({ agent_url: owner.url });
    expect(await swept()).toMatchObject({
      absorbed: [row.id],
      changes: { runsDeleted: 0, ledgerWritten: 1 },
    });
    await world().project([updated({ ...row, steps_passed: 1 })]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
    expect(await runs(owner)).toEqual([live]);
  });

  test('moves nothing while something refers to our row, and says so; afterwards it takes over', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await world().project([inserted(row)]);
    const ours = canonicalRunId(row.id);
    await world().execute(
      `INSERT INTO public.agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed)
       VALUES ($1, 'storyboard', 'step', true)`,
      ours,
    );
    const live = await world().live({ agent_url: owner.url });
    const blocked = new Map([[row.id, 'public.agent_compliance_step_diagnostics']]);
    expect(await swept()).toMatchObject({ absorbed: [], blocked, changes: { runsDeleted: 0 } });
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      reason: 'twin_blocked',
      canonical_run_id: ours,
    });
    expect(await swept()).toMatchObject({ ...nothing, blocked });
    await world().execute('DELETE FROM public.agent_compliance_step_diagnostics WHERE run_id = $1', ours);
    expect(await swept()).toMatchObject({ absorbed: [row.id] });
    expect(await runs(owner)).toEqual([live]);
  });

  test('finds foreign keys of tables that nobody told it about', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await world().project([inserted(row)]);
    await world().pool.query(
      `CREATE TABLE public."Odd ""table" ("the run" uuid REFERENCES public.agent_compliance_runs (id) ON DELETE SET NULL)`,
    );
    try {
      await world().execute('INSERT INTO public."Odd ""table" VALUES ($1)', canonicalRunId(row.id));
      await world().live({ agent_url: owner.url });
      expect(await swept()).toMatchObject({ blocked: new Map([[row.id, 'public."Odd ""table"']]) });
      expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    } finally {
      await world().pool.query('DROP TABLE public."Odd ""table"');
    }
  });

  test('is compared with our row as it is, not with later images that did not go into it', async () => {
    const owner = await world().owner();
    const row = runOf(owner, { started_at: '2026-03-04T05:00:00Z' });
    await world().project([inserted(row)]);
    await world().project([updated({ ...row, user_id: 'stranger', started_at: '2026-03-04T05:30:00Z' })]);
    await world().live({ agent_url: owner.url, tested_at: '2026-03-04T05:30:00Z' });
    expect(await swept()).toMatchObject(nothing);
    const live = await world().live({ agent_url: owner.url, tested_at: '2026-03-04T05:00:01Z' });
    expect(await swept()).toMatchObject({ absorbed: [row.id] });
    expect(await world().ledger(row.id)).toMatchObject({ canonical_run_id: live });
  });

  test('is not for a deleted row to lose: it is linked like any other', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await world().project([inserted(row), deleted(row.id)]);
    const live = await world().live({ agent_url: owner.url });
    expect(await swept()).toMatchObject({ absorbed: [row.id] });
    expect(await world().ledger(row.id)).toMatchObject({
      canonical_run_id: live,
      source_deleted_at: expect.any(String) as string,
    });
  });

  test('is the twin of a run on an agent that opted out: what was recorded was recorded', async () => {
    const owner = await world().owner();
    await world().registered(owner.url, { optedOut: true });
    const row = runOf(owner);
    await world().project([inserted(row)]);
    const live = await world().live({ agent_url: owner.url });
    expect(await swept()).toMatchObject({ absorbed: [], relinked: [row.id] });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
  });

  test('nearer than the one that is linked: the link moves while the pair is unsettled, and not after', async () => {
    const owner = await world().owner();
    const row = runOf(owner, { started_at: '2026-03-04T05:06:07Z' });
    const far = await world().live({ agent_url: owner.url, tested_at: '2026-03-04T05:07:07Z' });
    await world().project([inserted(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ canonical_run_id: far });
    const near = await world().live({ agent_url: owner.url, tested_at: '2026-03-04T05:06:08Z' });
    expect(await swept()).toMatchObject({ relinked: [row.id] });
    expect(await world().ledger(row.id)).toMatchObject({ canonical_run_id: near });
    await world().execute("UPDATE history_cdc.consumer_offset SET streamed_until = '2026-03-04T05:18:08Z'");
    await world().execute('UPDATE history_cdc.topic SET partitions = 1');
    expect(await swept()).toMatchObject({ relinked: [], settled: 1 });
    await world().live({ agent_url: owner.url, tested_at: '2026-03-04T05:06:07Z' });
    expect(await swept()).toMatchObject(nothing);
    expect(await world().ledger(row.id)).toMatchObject({ canonical_run_id: near });
  });
});

async function runs({ url }: Owner): Promise<string[]> {
  const { rows } = await world().pool.query<{ id: string }>(
    'SELECT id FROM public.agent_compliance_runs WHERE agent_url = $1 ORDER BY id',
    [url],
  );
  return rows.map(({ id }) => id);
}
