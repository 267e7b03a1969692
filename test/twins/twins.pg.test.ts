import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { aRow, deleted, inserted, snapshotOf, updated, type RowValues } from '../support/records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const AT = Date.UTC(2026, 2, 4, 5, 6, 7);
/** A time so many seconds from that of the first run. */
const after = (seconds: number) => new Date(AT + seconds * 1000).toISOString();

function runOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, started_at: after(0), ...values });
}

/** Decision, reason and canonical row of legacy rows, by the ledger. */
async function standing(...rows: readonly RowValues[]) {
  return await Promise.all(
    rows.map(async ({ id }) => {
      const entry = await world().ledger(id);
      return [entry?.['decision'], entry?.['reason'], entry?.['canonical_run_id']];
    }),
  );
}
const twin = (liveId: string) => ['twin', 'live_twin', liveId];
const projected = ({ id }: RowValues, reason = 'owner') => ['projected', reason, canonicalRunId(id)];

describe('a run that the live path recorded', () => {
  test('is linked to its live row, and gets no canonical row of ours', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url, tested_at: after(-1) });
    const row = runOf(owner);
    await world().project([inserted(row)]);
    expect(await standing(row)).toEqual([twin(live)]);
    expect(await world().run(row.id)).toMatchObject({
      id: live,
      headline: 'seven of nine',
      tracks_passed: 6,
    });
  });

  test.each(['HTTPS://Agent.Example/MCP/', ' https://agent.example/mcp'])(
    'is found where the live row spells the agent %j, once the spelling is known',
    async (spelling) => {
      const owner = await world().owner('https://agent.example/mcp');
      await world().execute(
        'INSERT INTO history_cdc.agent_spelling (spelling, agent_url) VALUES ($1, $2)',
        spelling,
        owner.url,
      );
      const live = await world().live({ agent_url: spelling, tested_at: after(3) });
      const row = runOf(owner);
      await world().project([snapshotOf(row)]);
      expect(await standing(row)).toEqual([twin(live)]);
    },
  );

  test('is a twin on an agent that opted out, and no row of ours is kept for it', async () => {
    const owner = await world().owner();
    await world().registered(owner.url, { optedOut: true });
    const live = await world().live({ agent_url: owner.url });
    const row = runOf(owner);
    const alone = runOf(owner, { total_duration_ms: 7 });
    await world().project([inserted(row), inserted(alone)]);
    expect(await standing(row, alone)).toEqual([twin(live), ['opted_out', 'compliance_opt_out', null]]);
  });

  test("is not found through another organisation's live row, a heartbeat's, or the script's", async () => {
    const owner = await world().owner();
    await world().live({ agent_url: owner.url, triggered_org_id: 'org_of_others' });
    await world().execute(
      "UPDATE public.agent_compliance_runs SET triggered_by = 'heartbeat' WHERE id = $1",
      await world().live({ agent_url: owner.url }),
    );
    await world().execute(
      `UPDATE public.agent_compliance_runs SET observations_json = '{"backfill_source": "agent_test_history"}' WHERE id = $1`,
      await world().live({ agent_url: owner.url }),
    );
    const row = runOf(owner);
    await world().project([inserted(row)]);
    expect(await standing(row)).toEqual([projected(row)]);
  });

  test('that passed in part is the twin of a run that did not pass, and of no other', async () => {
    const owner = await world().owner();
    const partial = await world().live({ agent_url: owner.url, overall_status: 'partial' });
    const [passed, failed] = [runOf(owner), runOf(owner, { overall_passed: false })];
    await world().project([inserted(passed), inserted(failed)]);
    expect(await standing(passed, failed)).toEqual([projected(passed), twin(partial)]);
  });

  test('is found though the live row has a JSON null for its profile, which is none', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url, agent_profile_json: 'null' });
    const row = runOf(owner);
    await world().project([inserted(row)]);
    expect(await standing(row)).toEqual([twin(live)]);
  });

  test("is never a stranger's, however alike", async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url });
    const strange = aRow({ agent_context_id: owner.context, user_id: 'user_stranger', started_at: after(0) });
    const own = runOf(owner, { started_at: after(100) });
    await world().project([inserted(strange), inserted(own)]);
    expect((await standing(strange, own)).map(([decision]) => decision)).toEqual(['third_party', 'twin']);
    expect(await standing(own)).toEqual([twin(live)]);
  });
});

describe('runs that look alike', () => {
  test('two runs and one live row: the nearer is the twin, the other is projected', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url, tested_at: after(20) });
    const [far, near] = [runOf(owner), runOf(owner, { started_at: after(30) })];
    await world().project([inserted(far), inserted(near)]);
    expect(await standing(far, near)).toEqual([projected(far), twin(live)]);
  });

  test('a chain a-x-b-y pairs both, although b is nearer to x', async () => {
    const owner = await world().owner();
    const x = await world().live({ agent_url: owner.url, tested_at: after(100) });
    const y = await world().live({ agent_url: owner.url, tested_at: after(200) });
    const [a, b] = [runOf(owner), runOf(owner, { started_at: after(110) })];
    await world().project([inserted(a), inserted(b)]);
    expect(await standing(a, b)).toEqual([twin(x), twin(y)]);
  });

  test('a nearer run that comes later takes the live row over; the other gets its own row back', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url, tested_at: after(100) });
    const [far, near] = [runOf(owner), runOf(owner, { started_at: after(101) })];
    await world().project([inserted(far)]);
    expect(await standing(far)).toEqual([twin(live)]);
    await world().project([inserted(near)]);
    expect(await standing(far, near)).toEqual([projected(far), twin(live)]);
    expect(await world().run(far.id)).toMatchObject({ headline: 'seven of nine', tracks_passed: 7 });
  });

  test('a long chain is followed to its end: each run has its own live row', async () => {
    const owner = await world().owner();
    const runs = Array.from({ length: 40 }, (_, index) => runOf(owner, { started_at: after(index * 100) }));
    const lives: string[] = [];
    for (const index of runs.keys())
      lives.push(await world().live({ agent_url: owner.url, tested_at: after(index * 100 + 60) }));
    await world().project(runs.map(inserted));
    expect(await standing(...runs)).toEqual(lives.map(twin));
  });

  test('without headline and duration only an equal profile is enough; else the pair is suspected', async () => {
    const owner = await world().owner();
    const bare = { headline: null, total_duration_ms: 0 };
    const live = await world().live({ agent_url: owner.url, ...bare, agent_profile_json: '{"n": 1}' });
    await world().live({ agent_url: owner.url, ...bare, agent_profile_json: null, tested_at: after(500) });
    const empty = { summary: null, total_duration_ms: null };
    const confirmed = runOf(owner, { ...empty, agent_profile_json: '{"n": 1}' });
    const suspected = runOf(owner, { ...empty, agent_profile_json: '{"n": 1}', started_at: after(501) });
    const alone = runOf(owner, { ...empty, started_at: after(5000) });
    await world().project([inserted(confirmed), inserted(suspected), inserted(alone)]);
    expect(await standing(confirmed, suspected, alone)).toEqual([
      twin(live),
      projected(suspected, 'weak_fingerprint'),
      projected(alone),
    ]);
  });
});

describe('a later event of a twin', () => {
  /** When records say their change was committed. */
  const COMMITTED = '2026-05-06T07:08:09.123Z';

  test('in time, with other values: the link is undone, and the row projected as it is now', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url, tested_at: COMMITTED });
    const row = runOf(owner, { started_at: COMMITTED });
    await world().project([inserted(row)]);
    expect(await standing(row)).toEqual([twin(live)]);
    await world().project([updated({ ...row, summary: 'another summary' })]);
    expect(await standing(row)).toEqual([projected(row)]);
    expect(await world().run(row.id)).toMatchObject({ headline: 'another summary' });
  });

  test('in time, with values left out and nothing else: the link stays', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url, tested_at: COMMITTED });
    const row = runOf(owner, { started_at: COMMITTED });
    await world().project([inserted(row)]);
    await world().project([updated({ ...row, steps_passed: 9 }, 'agent_profile_json', 'summary')]);
    expect(await standing(row)).toEqual([twin(live)]);
  });

  test('on an agent that opted out, with values left out: the link stays where nobody has them any more', async () => {
    const owner = await world().owner();
    await world().registered(owner.url, { optedOut: true });
    const profile = '{"name": "of the run"}';
    const live = await world().live({
      ...{
        agent_url: owner.url,
        tested_at: '2026-05-06T07:08:19Z',
        agent_profile_json: profile,
      },
    });
    await world().live({
      ...{ agent_url: owner.url, tested_at: COMMITTED, agent_profile_json: '{"name": "of another"}' },
    });
    const row = runOf(owner, { started_at: COMMITTED, agent_profile_json: profile });
    await world().project([inserted(row)]);
    expect(await standing(row)).toEqual([twin(live)]);
    await world().project([updated({ ...row, steps_passed: 9 }, 'agent_profile_json')]);
    expect(await standing(row)).toEqual([twin(live)]);
    await world().project([updated({ ...row, steps_passed: 8 }, 'summary')]);
    expect(await standing(row)).toEqual([twin(live)]);
  });

  test('on an agent that opted out, with a user left out that the row has lost since: the link stays', async () => {
    const owner = await world().owner();
    await world().registered(owner.url, { optedOut: true });
    const live = await world().live({ agent_url: owner.url, tested_at: COMMITTED });
    const row = runOf(owner, { started_at: COMMITTED });
    const away = { ...row, user_id: 'user_stranger' };
    await world().legacyRow(away);
    await world().project([inserted(row)]);
    await world().project([updated({ ...row, steps_passed: 9 }, 'user_id'), updated(away)]);
    expect(await standing(row)).toEqual([twin(live)]);
  });

  test('when its time is over: nothing unlinks it', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url });
    const row = runOf(owner);
    await world().project([inserted(row)]);
    await world().project([updated({ ...row, summary: 'another summary' })]);
    expect(await standing(row)).toEqual([twin(live)]);
    const nearer = runOf(owner, { started_at: '2026-03-04T05:06:06.9Z' });
    await world().project([inserted(nearer)]);
    expect(await standing(row, nearer)).toEqual([twin(live), projected(nearer)]);
  });

  test('moved to another agent of its owner: the live row stays its canonical row, for ever', async () => {
    const owner = await world().owner();
    const second = await world().owner();
    await world().member(owner.user, second.organization);
    const live = await world().live({ agent_url: owner.url, tested_at: COMMITTED });
    const row = runOf(owner, { started_at: COMMITTED });
    await world().project([inserted(row)]);
    await world().project([updated({ ...row, agent_context_id: second.context })]);
    await world().project([updated({ ...row, agent_context_id: second.context, summary: 'later' })]);
    expect(await standing(row)).toEqual([twin(live)]);
    expect(await world().run(row.id)).toMatchObject({ agent_url: owner.url });
  });

  test('a delete is remembered; the live row and the link stay', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url });
    const row = runOf(owner);
    await world().project([inserted(row)]);
    await world().project([deleted(row.id)]);
    expect(await standing(row)).toEqual([twin(live)]);
    expect(await world().ledger(row.id)).toMatchObject({ source_deleted_at: expect.any(String) as string });
  });

  test('a live row that was deleted since stays its decision: the row is not projected', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url, tested_at: COMMITTED });
    const row = runOf(owner, { started_at: COMMITTED });
    await world().project([inserted(row)]);
    await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', live);
    const other = runOf(owner, { started_at: COMMITTED });
    await world().project([inserted(other)]);
    await world().project([updated({ ...row, summary: 'another summary' })]);
    expect(await standing(row, other)).toEqual([twin(live), projected(other)]);
    expect(await world().run(row.id)).toBeUndefined();
  });

  test('a projected row whose new image looks like a live row gives way to it', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url });
    const row = runOf(owner, { summary: 'at first' });
    await world().project([inserted(row)]);
    expect(await standing(row)).toEqual([projected(row)]);
    await world().project([updated({ ...row, summary: 'seven of nine' })]);
    expect(await standing(row)).toEqual([twin(live)]);
  });
});
