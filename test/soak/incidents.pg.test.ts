import { describe, expect, test } from 'vitest';
import { counts, MEANINGS, type IncidentKind } from '../../operations/soak/incidents.ts';
import type { SoakReport } from '../../operations/soak/soak.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { TOPIC, useSoaked } from './soaked.ts';

const soaked = useSoaked();

const of = (report: SoakReport, kind: IncidentKind) =>
  report.incidents.filter((incident) => incident.kind === kind);
const state = (report: SoakReport, id: string) => report.conditions.find((one) => one.id === id)?.state;

const GAP = `INSERT INTO history_cdc.gap (topic_id, kind, evidence, opened_at) VALUES ('${TOPIC}', 'slot', 'x', now() - interval '3 days')`;
const CLOSE = `UPDATE history_cdc.gap SET accepted_at = now(), closed_at = now() - interval '2 days', closed_by = 'reconcile 1'`;
const explain = (id: string) =>
  runInProcess(['soak', 'explain', id, '--by', 'Ada', '--reason', 'known', '--json'], {
    DATABASE_URL: soaked().url,
  });

describe('a straggler', () => {
  test('stops the clock at its time, until a person explains it; it stays listed', async () => {
    const id = await soaked().owners({
      reason: 'straggler',
      startedAgo: '9 days',
      decidedAgo: '8 days',
      snapshot: true,
    });
    const before = await soaked().look();
    expect(of(before, 'straggler')).toMatchObject([{ subject: id, ids: [id], endedAt: null }]);
    expect(state(before, 'canonical-live')).toBe('not_met');
    const [incident] = of(before, 'straggler');
    expect(await explain(incident?.id ?? '')).toMatchObject({ code: 0 });
    const after = await soaked().look();
    expect(state(after, 'canonical-live')).toBe('met');
    expect(of(after, 'straggler')).toMatchObject([{ explainedBy: 'Ada', reason: 'known' }]);
    const actions = await soaked().rows(`SELECT command, performed_by FROM history_cdc.action`);
    expect(actions).toEqual([{ command: 'soak explain', performed_by: 'Ada' }]);
  });

  test('that a late live row takes over was none', async () => {
    const id = await soaked().owners({ reason: 'straggler' });
    expect(state(await soaked().look(), 'canonical-live')).toBe('not_met');
    await soaked().execute(
      `UPDATE history_cdc.ledger SET decision = 'twin', reason = 'live_twin' WHERE legacy_id = $1`,
      id,
    );
    const after = await soaked().look();
    expect(of(after, 'straggler').map(counts)).toEqual([false]);
    expect(state(after, 'canonical-live')).toBe('met');
  });

  test('that was streamed counts from when it was read, whatever its own time says', async () => {
    await soaked().owners({ reason: 'straggler', startedAgo: '15 days', decidedAgo: '1 day' });
    expect(state(await soaked().look(), 'canonical-live')).toBe('not_met');
  });

  test('of the future counts from when it was seen', async () => {
    await soaked().owners({
      reason: 'straggler',
      startedAgo: '-90 days',
      decidedAgo: '15 days',
      snapshot: true,
    });
    expect(state(await soaked().look(), 'canonical-live')).toBe('met');
  });
});

describe('a gap', () => {
  test('stops every clock while it is open, and lets them begin anew when it is closed', async () => {
    await soaked().execute(GAP);
    const open = await soaked().look();
    for (const id of ['canonical-live', 'parity', 'no-owner-writes', 'no-updates'])
      expect([id, state(open, id)]).toEqual([id, 'not_met']);
    await soaked().execute(CLOSE);
    const closed = await soaked().look();
    const [incident] = of(closed, 'gap');
    const [gap] = await soaked().rows<{ at: Date }>('SELECT closed_at AS at FROM history_cdc.gap');
    expect(incident?.endedAt).toEqual(gap?.at);
    expect(state(closed, 'parity')).toBe('met');
    expect(closed.conditions.find(({ id }) => id === 'no-updates')?.since).toEqual(gap?.at);
    // Nobody knows who wrote while nothing was seen.
    expect(await explain(incident?.id ?? '')).toMatchObject({ code: 2 });
  });
});

test('a wrong verdict stops the clock until a later run is proven; a run of the verification has no number', async () => {
  await soaked().execute(`UPDATE history_cdc.reconcile_run SET verdict = 'wrong'`);
  await soaked().execute(
    `INSERT INTO history_cdc.incident (kind, subject, began_at) VALUES ('wrong_verdict', 'verification 2026', now())`,
  );
  const wrong = await soaked().look();
  expect(of(wrong, 'wrong_verdict')).toHaveLength(2);
  expect(await explain(of(wrong, 'wrong_verdict')[0]?.id ?? '')).toMatchObject({ code: 2 });
  await soaked()
    .execute(`INSERT INTO history_cdc.reconcile_run (rule_version, release, phase, verdict, finished_at)
    SELECT rule_version, release, phase, 'proven', now() FROM history_cdc.reconcile_run`);
  const proven = await soaked().look();
  expect(of(proven, 'wrong_verdict').map(({ endedAt }) => endedAt !== null)).toEqual([true, false]);
});

test('a healed record of a stranger was no owner’s', async () => {
  await soaked()
    .execute(`INSERT INTO history_cdc.quarantine (topic_id, partition, "offset", legacy_id, reason, detail, healed_at)
    SELECT '${TOPIC}', 0, 7, legacy_id, 'undecodable', 'x', now() FROM history_cdc.ledger`);
  expect((await soaked().look()).incidents).toEqual([]);
});

describe('an owner’s run that is written late', () => {
  const live = async (count: number, linked: boolean, ago: number) => {
    for (let n = 0; n < count; n++) await soaked().live(`${String(ago - n * 0.01)} days`);
    if (linked)
      await soaked()
        .execute(`INSERT INTO history_cdc.ledger (legacy_id, decision, reason, canonical_run_id, rule_version, is_member, lists_agent,
          topic_id, partition, "offset", op, snapshot, started_at, decided_at)
        SELECT gen_random_uuid(), 'twin', 'live_twin', r.id, 2, true, true, '${TOPIC}', 0, 5, 'r', true, r.tested_at, r.tested_at
        FROM public.agent_compliance_runs r`);
  };

  test('is one where most live rows before it have no legacy row', async () => {
    await live(12, true, 10);
    await live(12, false, 5);
    const id = await soaked().owners({ startedAgo: '1 day', decidedAgo: '1 day' });
    const report = await soaked().look();
    expect(of(report, 'late_owner_write')).toMatchObject([{ subject: id }]);
    expect(report.conditions.find(({ id: one }) => one === 'no-owner-writes')?.state).toBe('not_met');
    expect(MEANINGS.late_owner_write.explainable).toBe(false);
  });

  test('is none while the live path writes both', async () => {
    await live(20, true, 10);
    await live(2, false, 5);
    await soaked().owners({ startedAgo: '1 day', decidedAgo: '1 day' });
    expect(of(await soaked().look(), 'late_owner_write')).toEqual([]);
  });
});

test('two who look at once record each incident once, and end it once', async () => {
  await soaked().owners({ reason: 'straggler' });
  await soaked().execute(GAP);
  await Promise.all([soaked().look(), soaked().look()]);
  await soaked().execute(CLOSE);
  await Promise.all([soaked().look(), soaked().look()]);
  expect(
    await soaked().rows(
      `SELECT kind, count(*)::integer AS rows FROM history_cdc.incident GROUP BY 1 ORDER BY 1`,
    ),
  ).toEqual([
    { kind: 'gap', rows: 1 },
    { kind: 'straggler', rows: 1 },
  ]);
  expect(
    await soaked().rows(`SELECT event, count(*)::integer AS rows FROM history_cdc.incident_event GROUP BY 1`),
  ).toEqual([{ event: 'ended', rows: 1 }]);
});
