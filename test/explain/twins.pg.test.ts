import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { explained, given, runOf } from '../support/explained.ts';
import { swept } from '../support/swept.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

describe('a projected row', () => {
  test('with a live row that came late: the match is named, and the sweep is the next step', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await given(world(), [row]);
    const live = await world().live({ agent_url: owner.url, tested_at: '2026-03-04T05:06:06.123456Z' });
    const report = await explained(world(), row.id);
    expect(report.candidates).toMatchObject([
      { id: live, distance_seconds: -1, is: 'match', differs_in: [] },
    ]);
    expect(report.verdict).toEqual({
      text: expect.stringMatching(
        new RegExp(`${canonicalRunId(row.id)}.*${live}, 1 s before.*twin \\(live_twin\\)$`),
      ) as string,
      next: expect.stringContaining('history-cdc sweep') as string,
    });
  });

  test('whose late live row cannot take over, because something refers to ours: it says what', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await given(world(), [row]);
    await world().execute(
      "INSERT INTO public.agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed) VALUES ($1, 's', 's', true)",
      canonicalRunId(row.id),
    );
    await world().live({ agent_url: owner.url });
    await swept(world().pool);
    const report = await explained(world(), row.id);
    expect(report).toMatchObject({
      ledger: { reason: 'twin_blocked' },
      referred_by: 'public.agent_compliance_step_diagnostics',
      verdict: { next: expect.stringContaining('person') as string },
    });
  });
});

describe('a twin', () => {
  test('is explained by its live row’s id too, with distance, kept row and whether the pair is settled', async () => {
    const owner = await world().owner();
    const live = await world().live({ agent_url: owner.url, tested_at: '2026-03-04T05:06:05.123456Z' });
    const row = runOf(owner);
    await given(world(), [row]);
    const report = await explained(world(), live);
    expect(report).toMatchObject({
      identity: { kind: 'live_run', legacy_id: row.id },
      ledger: { decision: 'twin', unsettled: true, kept_run_id: canonicalRunId(row.id) },
      canonical_run: { id: live, whose: 'live' },
      candidates: [{ id: live, is: 'linked', distance_seconds: -2 }],
      today: { decision: 'twin', canonical_run_id: live },
      verdict: {
        text: expect.stringMatching(new RegExp(`${live}.*2 s before`)) as string,
      },
    });
    expect((await explained(world(), canonicalRunId(row.id))).identity).toMatchObject({
      kind: 'kept_run',
      legacy_id: row.id,
    });
    await world().execute('DELETE FROM history_cdc.unsettled_twin WHERE legacy_id = $1', row.id);
    const settled = await explained(world(), row.id);
    expect(settled.ledger).toMatchObject({ unsettled: false, kept_run_id: null });
    expect(settled.verdict.text).toMatch(/; the pair is settled$/);
  });
});

test('each live row around a row says in what it differs, or whose it is', async () => {
  const owner = await world().owner();
  const first = await world().live({ agent_url: owner.url });
  const [row, other] = [runOf(owner, { summary: 'mine' }), runOf(owner)];
  await given(world(), [row, other]);
  const at = (seconds: number) => ({
    agent_url: owner.url,
    headline: 'mine',
    tested_at: new Date(Date.UTC(2026, 2, 4, 5, 6, 7 + seconds)).toISOString(),
  });
  const ids = {
    headline: await world().live({ ...at(10), headline: null }),
    duration: await world().live({ ...at(20), total_duration_ms: 0 }),
    verdict: await world().live({ ...at(30), overall_status: 'partial' }),
    'agent profile': await world().live({ ...at(40), agent_profile_json: '{}' }),
    organisation: await world().live({ ...at(50), triggered_org_id: 'org_of_others' }),
  };
  await world().live(at(200));
  const { candidates } = await explained(world(), row.id);
  expect(candidates.map(({ id, is, differs_in }) => [id, is, differs_in])).toEqual([
    [first, 'taken', ['headline']],
    ...Object.entries(ids).map(([field, id]) => [id, 'different', [field]]),
  ]);
  expect(candidates[0]?.why).toBe(`differs in headline; linked to legacy row ${other.id}`);
});

describe('a live row that no legacy row is linked to', () => {
  test('names the legacy rows around it, and why they do not match', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await given(world(), [row]);
    const live = await world().live({ agent_url: owner.url, headline: 'another' });
    const report = await explained(world(), live);
    expect(report).toMatchObject({
      known: true,
      identity: { kind: 'live_run', legacy_id: null },
      legacy_row: null,
      candidates: [{ id: row.id, is: 'different', differs_in: ['headline'] }],
    });
    expect(report.verdict.text).toContain('1 legacy row(s)');
  });

  test('that matches a legacy row points to the sweep', async () => {
    const owner = await world().owner();
    const row = runOf(owner);
    await given(world(), [row]);
    const { verdict } = await explained(world(), await world().live({ agent_url: owner.url }));
    expect(verdict.text).toContain(`although legacy row ${row.id} looks like it`);
    expect(verdict.next).toContain('history-cdc sweep');
  });
});
