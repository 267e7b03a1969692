import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { parseAcceptRules } from '../../operations/reconcile/accepted.ts';
import { reportOf } from '../../operations/reconcile/report.ts';
import { aRow, inserted, updated, type RowValues } from '../support/records.ts';
import { ONLY_KNOWN_ROWS, reconciled } from '../support/reconciled.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
});

async function projected(values: Partial<RowValues> = {}): Promise<{ owner: Owner; row: RowValues }> {
  const owner = await world().owner();
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
  await world().legacyRow(row);
  await world().project([inserted(row)]);
  expect(await world().ledger(row.id)).toBeDefined();
  return { owner, row };
}

const lose = async (row: RowValues) => {
  await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', canonicalRunId(row.id));
};
const spoil = async (row: RowValues, change: string) => {
  await world().execute(
    `UPDATE public.agent_compliance_runs SET ${change} WHERE id = $1`,
    canonicalRunId(row.id),
  );
};

describe('retention', () => {
  test('explains a canonical row that is gone and older: recorded once, and known from then on', async () => {
    const old = (await projected({ started_at: '2020-01-01T00:00:00Z' })).row;
    const young = (await projected({ started_at: new Date().toISOString() })).row;
    await lose(old);
    await lose(young);
    const first = await reconciled(world().pool, { retentionDays: 30 });
    expect(first.named).toEqual([`missing ${young.id}`, `pruned ${old.id}`]);
    const { rows } = await world().pool.query('SELECT legacy_id, canonical_run_id FROM history_cdc.pruned');
    expect(rows).toEqual([{ legacy_id: old.id, canonical_run_id: canonicalRunId(old.id) }]);
    expect((await reconciled(world().pool, { retentionDays: 30 })).named).toEqual([`missing ${young.id}`]);
  });

  test('alone is no failure; where there is none, the same row is missing', async () => {
    const { row } = await projected({ started_at: '2020-01-01T00:00:00Z' });
    await lose(row);
    expect(await reconciled(world().pool)).toMatchObject({
      run: { verdict: 'wrong' },
      named: [`missing ${row.id}`],
    });
    const { run, named } = await reconciled(world().pool, { retentionDays: 30 });
    expect({ verdict: run.verdict, named }).toEqual({ verdict: 'proven', named: [`pruned ${row.id}`] });
  });
});

describe('what is reported and is no failure:', () => {
  test('a live row near to ours, both without headline and duration', async () => {
    const bare = { summary: null, total_duration_ms: null, agent_profile_json: null };
    const { owner, row } = await projected(bare);
    await world().live({
      agent_url: owner.url,
      headline: null,
      total_duration_ms: null,
      agent_profile_json: null,
    });
    const { run, named } = await reconciled(world().pool);
    expect({ verdict: run.verdict, named }).toEqual({ verdict: 'proven', named: [`weak_twin ${row.id}`] });
  });

  test("a copy of a stranger's run, and a second copy, by the earlier script", async () => {
    const { owner } = await projected();
    const stranger = aRow({ agent_context_id: owner.context, user_id: 'stranger' });
    const twice = aRow({ agent_context_id: owner.context, user_id: owner.user, summary: 'twice' });
    await world().scriptCopy(stranger.id);
    await world().scriptCopy(twice.id);
    await world().scriptCopy(twice.id);
    for (const row of [stranger, twice]) await world().legacyRow(row);
    await world().project([inserted(stranger), inserted(twice)]);
    expect(await world().ledger(stranger.id)).toMatchObject({ decision: 'third_party' });
    expect(await world().ledger(twice.id)).toMatchObject({ decision: 'adopted' });
    const { run, named } = await reconciled(world().pool);
    expect(named).toEqual([`script_doubled ${twice.id}`, `script_elevated ${stranger.id}`]);
    expect(run.verdict).toBe('proven');
  });

  test('memberships that came or went after the decision', async () => {
    const { owner, row } = await projected();
    const late = aRow({ agent_context_id: owner.context, user_id: 'late' });
    await world().legacyRow(late);
    await world().project([inserted(late)]);
    expect(await world().ledger(late.id)).toMatchObject({ decision: 'third_party' });
    await world().member('late', owner.organization);
    await world().execute(
      'DELETE FROM public.organization_memberships WHERE workos_user_id = $1',
      owner.user,
    );
    const { run, named } = await reconciled(world().pool);
    expect(named).toEqual([`owner_by_now ${late.id}`, `owner_then ${row.id}`].sort());
    expect(run.verdict).toBe('proven');
  });
});

describe('a row that was moved', () => {
  test('to an agent that its user does not own leaves our row as it was: no difference', async () => {
    const { row } = await projected();
    const elsewhere = await world().owner();
    const moved = { ...row, agent_context_id: elsewhere.context, steps_passed: 1 };
    await world().execute(
      'UPDATE public.agent_test_history SET agent_context_id = $2, steps_passed = 1 WHERE id = $1',
      row.id,
      elsewhere.context,
    );
    await world().project([updated(moved)]);
    expect(await world().ledger(row.id)).toMatchObject({ reason: 'moved_to_agent_not_owned' });
    expect((await reconciled(world().pool)).named).toEqual([`moved_away ${row.id}`]);
  });

  test('to another agent of its owner is compared with what it is there', async () => {
    const { owner, row } = await projected();
    const elsewhere = await world().owner();
    await world().member(owner.user, elsewhere.organization);
    await world().execute(
      'UPDATE public.agent_test_history SET agent_context_id = $2 WHERE id = $1',
      row.id,
      elsewhere.context,
    );
    const { findings } = await reconciled(world().pool);
    expect(findings).toMatchObject([{ kind: 'different', legacy_id: row.id }]);
    await world().project([updated({ ...row, agent_context_id: elsewhere.context })]);
    expect(await world().ledger(row.id)).toMatchObject({ agent_url: elsewhere.url });
    expect((await reconciled(world().pool)).named).toEqual([]);
  });
});

const rule = { owner: 'the registry team', reason: 'known', expires: '2999-12-31' };
const rulesOf = (...rules: object[]) =>
  parseAcceptRules(JSON.stringify({ version: 1, rules }), 'accepted.json', new Date('2026-06-01T12:00:00Z'));

describe('an accepted difference', () => {
  test('is no failure, is counted under its rule, and covers no other row and no other field', async () => {
    const [lost, other] = [(await projected()).row, (await projected()).row];
    const [headline, both] = [(await projected()).row, (await projected()).row];
    await lose(lost);
    await lose(other);
    await spoil(headline, "headline = 'edited'");
    await spoil(both, "headline = 'edited', tracks_passed = 9");
    const { valid } = rulesOf(
      { id: 'lost', kind: 'missing', legacy_id: lost.id, ...rule },
      { id: 'headlines', kind: 'different', field: 'headline', ...rule },
    );
    const { run, findings } = await reconciled(world().pool, { accepted: valid });
    const by = new Map(findings.map(({ legacy_id: id, accepted_by: accepted }) => [id, accepted]));
    expect(Object.fromEntries(by)).toEqual({
      [lost.id]: 'lost',
      [other.id]: null,
      [headline.id]: 'headlines',
      [both.id]: null,
    });
    expect(run.verdict).toBe('wrong');
    const report = await reportOf(world().pool, run);
    expect(report.accepted).toEqual({ lost: 1, headlines: 1 });
  });

  test('makes the verdict good where it covers all there is', async () => {
    const { row } = await projected();
    await lose(row);
    const { valid } = rulesOf({ id: 'lost', kind: 'missing', legacy_id: row.id, ...rule });
    expect(await reconciled(world().pool, { accepted: valid })).toMatchObject({ run: { verdict: 'proven' } });
  });
});

describe('a verdict', () => {
  test('goes stale after a day, and when the rule or the release has changed', async () => {
    await projected();
    const { run } = await reconciled(world().pool);
    const staleness = async (hours: number, of = run) => {
      const { rows } = await world().pool.query<{ at: Date }>(
        "SELECT clock_timestamp() - $1 * interval '1 hour' AS at",
        [hours],
      );
      return (await reportOf(world().pool, { ...of, finished_at: rows[0]?.at ?? null })).stale;
    };
    // The clock of the process is a week behind, and has no say.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 7 * 86_400_000 });
    onTestFinished(() => void vi.useRealTimers());
    expect(await staleness(23)).toBeNull();
    expect(await staleness(25)).toContain('24 hours');
    expect(await staleness(1, { ...run, rule_version: 0 })).toContain('version 0 of the rule');
    expect(await staleness(1, { ...run, release: '0.0.1' })).toContain('release 0.0.1');
    expect(await staleness(1, { ...run, release: null })).toContain('an earlier release');
  });
});
