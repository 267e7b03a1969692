import { beforeEach, describe, expect, test } from 'vitest';
import { listActions } from '../../consumers/agent-test-history/batch/actions.ts';
import { acceptGaps } from '../../operations/continuity/identity-store.ts';
import { openGapsFor } from '../../operations/continuity/gaps.ts';
import { repair } from '../../operations/repair/repair.ts';
import { redecide } from '../../operations/redecide/redecide.ts';
import { planUndo, undo } from '../../operations/undo/undo.ts';
import { waive } from '../../operations/quarantine/waive.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { useProjectorRole } from '../support/projector-role.ts';
import { inserted, PLACEHOLDER, updated } from '../support/records.ts';
import { retried } from '../support/retried.ts';
import { MATCHING, TOPIC_ID } from '../support/run-records.ts';
import { useWorld } from '../support/world.ts';
import { aRow } from '../support/records.ts';

describe('what a person did is in the log, by the transaction that did it:', () => {
  const world = useWorld();
  let seen = 0;
  beforeEach(async () => {
    seen = (await listActions(world().pool, 1_000)).length;
  });
  const context = () => ({
    canonical: world().pool,
    legacy: world().pool,
    optOutPolicy: 'respect' as const,
    matching: MATCHING,
  });
  /** What was recorded in this test, the oldest first. */
  const recorded = async () =>
    (await listActions(world().pool, 1_000))
      .reverse()
      .slice(seen)
      .map(({ command, options, counts }) => ({ command, options, counts }));

  async function parked(): Promise<{ id: string; row: ReturnType<typeof aRow> }> {
    const owner = await world().owner();
    const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
    await world().project([updated(row, 'summary')]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
    return { id: String((await world().quarantined()).at(-1)?.['id']), row };
  }

  test('waive, with the name that was given', async () => {
    const { id } = await parked();
    await waive(world().pool, { ids: [id], by: 'the data owner', reason: 'a row of staging' });
    expect(await recorded()).toEqual([
      { command: 'quarantine waive', options: [`--id ${id}`, '--reason'], counts: { waived: 1 } },
    ]);
    const [newest] = await listActions(world().pool, 1);
    expect(newest).toMatchObject({ performed_by: 'the data owner' });
    await expect(waive(world().pool, { ids: [id], by: 'x', reason: 'y' })).rejects.toThrow();
    expect(await recorded()).toHaveLength(1);
  });

  test('retry, also one that mends nothing; a dry run leaves no trace', async () => {
    const { id, row } = await parked();
    await retried(world().pool, { dryRun: true });
    expect(await recorded()).toEqual([]);
    await retried(world().pool);
    await world().legacyRow(row);
    await retried(world().pool);
    expect(await recorded()).toEqual([
      { command: 'quarantine retry', options: [`--id ${id}`], counts: { failed: 1 } },
      { command: 'quarantine retry', options: [`--id ${id}`], counts: { decided: 1 } },
    ]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
  });

  test('undo and redecide', async () => {
    const owner = await world().owner();
    const [row, late] = [0, 1].map(() => aRow({ agent_context_id: owner.context, user_id: owner.user })) as [
      ReturnType<typeof aRow>,
      ReturnType<typeof aRow>,
    ];
    const stranger = { ...late, user_id: 'user_late' };
    await world().legacyRow(row);
    await world().legacyRow(stranger);
    await world().project([inserted(row), inserted(stranger)]);
    expect(await world().ledger(stranger.id)).toMatchObject({ decision: 'third_party' });
    await world().member('user_late', owner.organization);
    const again = { ...context(), graceSeconds: 3600, progress: () => undefined };
    await redecide({ ...again, apply: false });
    expect(await recorded()).toEqual([]);
    await redecide({ ...again, apply: true });
    expect(await world().ledger(stranger.id)).toMatchObject({ decision: 'projected' });
    const plan = { canonical: world().pool, progress: () => undefined };
    const { removable } = await planUndo(plan);
    await undo(plan, removable);
    expect(await recorded()).toEqual([
      { command: 'redecide --apply', options: [], counts: { decided: 1 } },
      { command: 'undo --apply', options: [], counts: { removed: removable } },
    ]);
    expect(removable).toBeGreaterThanOrEqual(2);
    expect(await world().ledger(row.id)).toBeUndefined();
  });

  test('a repair', async () => {
    const owner = await world().owner();
    const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
    await world().legacyRow(row);
    await world().project([inserted(row)]);
    const { rows } = await world().pool.query<{ id: string }>(
      `WITH run AS (
         INSERT INTO history_cdc.reconcile_run (rule_version, phase, verdict, finished_at)
         VALUES (1, 'done', 'wrong', now()) RETURNING id)
       INSERT INTO history_cdc.reconcile_finding (run_id, phase, kind, legacy_id, state)
       SELECT id, 'legacy', 'different', $1, 'confirmed' FROM run RETURNING run_id AS id`,
      [row.id],
    );
    await world().execute(
      'UPDATE public.agent_compliance_runs SET headline = $1 WHERE triggered_org_id = $2',
      'changed by hand',
      owner.organization,
    );
    const run = rows[0]?.id ?? '';
    const repairing = {
      ...context(),
      elsewhere: undefined,
      windowUs: MATCHING.windowUs,
      retentionDays: undefined,
    };
    await repair(repairing, run, false);
    await repair(repairing, run, true);
    expect(await recorded()).toEqual([
      { command: 'reconcile --repair --apply', options: [], counts: { inserted: 0, updated: 1, left: 0 } },
    ]);
    expect(await world().run(row.id)).toMatchObject({ headline: row.summary });
  });

  test('a gap that was accepted; one that there is not leaves no trace', async () => {
    await parked();
    const broken = [{ kind: 'timeline', evidence: 'a test' }] as const;
    const [gap] = await openGapsFor(world().pool, TOPIC_ID, broken);
    if (gap === undefined) throw new Error('no gap was opened');
    const present = { server: 'another', timeline: '1' } as unknown as Parameters<
      typeof acceptGaps
    >[1]['present'];
    await expect(
      acceptGaps(world().pool, { topicId: TOPIC_ID, ids: [gap.id, '999999'], present, xmax: null }),
    ).rejects.toThrow();
    expect(await recorded()).toEqual([]);
    await acceptGaps(world().pool, { topicId: TOPIC_ID, ids: [gap.id], present, xmax: null });
    expect(await recorded()).toEqual([
      { command: 'project', options: [`--accept-gap ${gap.id}`], counts: { gaps: 1 } },
    ]);
    await world().execute('DELETE FROM history_cdc.gap');
    await world().execute('DELETE FROM history_cdc.source_identity');
  });

  test('the command shows it: who, when, what, and what came of it', async () => {
    const { id } = await parked();
    const settings = {
      DATABASE_URL: world().url,
      UNAVAILABLE_PLACEHOLDER: PLACEHOLDER,
    };
    const historyCdc = async (...args: string[]): Promise<Answer> => await runInProcess(args, settings);
    const before = Date.now();
    expect((await historyCdc('quarantine', 'retry', '--id', id, '--apply')).code).toBe(1);
    const { code, stdout } = await historyCdc('actions', '--limit', '1', '--json');
    expect(code).toBe(0);
    const { actions } = JSON.parse(stdout) as { actions: { at: string; role: string; by: string }[] };
    expect(actions).toMatchObject([
      { command: 'quarantine retry', options: [`--id ${id}`], counts: { failed: 1 } },
    ]);
    expect(actions[0]?.role).toBe(new URL(world().url).username);
    expect(actions[0]?.by).toMatch(/^.+@.+$/);
    expect(Date.parse(actions[0]?.at ?? '')).toBeGreaterThanOrEqual(before);
    const shown = await historyCdc('actions');
    expect(shown.stdout).toMatch(new RegExp(`quarantine retry --id ${id} +failed 1`));
  });
});

describe('nobody changes the log:', () => {
  const the = useProjectorRole();
  /** Tables of which nobody changes a row, each with an INSERT of one; they lean on each other in this order. */
  const APPEND_ONLY = {
    action: "(performed_by, command) VALUES ('me', 'a test')",
    stage: "(performed_by, stage) VALUES ('me', 'soaking')",
    incident: "(kind, subject, began_at) VALUES ('gap', gen_random_uuid(), now())",
    incident_event:
      "(incident_id, performed_by, event, reason) SELECT max(id), 'me', 'ended', 'a test' FROM history_cdc.incident",
    attestation: "(performed_by, condition, since, note) VALUES ('me', 'third-party-plan', now(), 'a test')",
    archive: "(id, performed_by, target) VALUES (gen_random_uuid(), 'me', 'a test')",
    archive_event: `(archive_id, performed_by, event, manifest_sha256, rows)
      SELECT id, 'me', 'exported', '', 0 FROM history_cdc.archive LIMIT 1`,
  };

  test.each(Object.entries(APPEND_ONLY))('history_cdc.%s is append-only', async (table, row) => {
    await the().projector.query(`INSERT INTO history_cdc.${table} ${row}`);
    const key = table === 'archive' ? 'target' : 'performed_by';
    const column = table === 'incident' ? 'detail' : key;
    for (const change of [
      `UPDATE history_cdc.${table} SET ${column} = 'another'`,
      `DELETE FROM history_cdc.${table}`,
      `TRUNCATE history_cdc.${table} CASCADE`,
    ])
      for (const pool of [the().open.pool, the().projector, the().superuser])
        await expect(pool.query(change)).rejects.toMatchObject({ code: '42501' });
  });

  test('nor says that another role did it, or at another time', async () => {
    await the().projector.query(
      "INSERT INTO history_cdc.action (performed_by, command, role, at) VALUES ('me', 'a test', 'postgres', 'epoch')",
    );
    const [newest] = await listActions(the().projector, 1);
    expect(newest?.role).not.toBe('postgres');
    expect(newest?.at.getFullYear()).toBeGreaterThan(2000);
  });
});
