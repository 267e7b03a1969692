import { expect, test } from 'vitest';
import { assertMigrated } from '../../consumers/agent-test-history/schema/migrate.ts';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { findScriptCopies } from '../../consumers/agent-test-history/lookup/script-copies.ts';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { waive } from '../../operations/quarantine/waive.ts';
import { sweep } from '../../consumers/agent-test-history/sweep/sweep.ts';
import { planUndo, undo } from '../../operations/undo/undo.ts';
import { presentOf } from '../../operations/checks/continuity.ts';
import { known } from '../../operations/facts/answer.ts';
import { readServer } from '../../operations/facts/postgres.ts';
import { checkContinuity } from '../../operations/continuity/identity-store.ts';
import { createPool } from '../../lib/postgres.ts';
import { allRuns, useProjectorRole } from '../support/projector-role.ts';
import { aRow, deleted, inserted, rawRecord, updated, type RowValues } from '../support/records.ts';
import { retried } from '../support/retried.ts';
import { MATCHING, asRecords, runRecords, TOPIC_ID } from '../support/run-records.ts';
import { reconciled } from '../support/reconciled.ts';
import { swept } from '../support/swept.ts';
import { Tables } from '../support/tables.ts';

const the = useProjectorRole();

test('a role with the rights of `--grant-to`, and on the columns that are asked for, can run a projection', async () => {
  const tables = new Tables(the().open.pool);
  const owner = await tables.owner();
  const other = await tables.owner();
  await tables.member(owner.user, other.organization);
  await tables.registered(owner.url, { stage: 'testing' });
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
  const partial = aRow({ agent_context_id: owner.context, user_id: owner.user });
  await tables.legacyRow(partial);
  await assertMigrated(the().projector);
  await findScriptCopies(the().projector);
  await registerTopic(the().projector, { topicId: TOPIC_ID, name: 'topic', partitions: 1 }, false);
  const { claim } = await takeOver(the().projector, { topicId: TOPIC_ID, partition: 0, offset: 0n }, 'test');
  const result = await runRecords({
    context: {
      canonical: the().projector,
      legacy: the().projector,
      optOutPolicy: 'respect',
      matching: MATCHING,
    },
    mode: { kind: 'commit', claim },
    rows: 2,
    records: asRecords(
      [
        inserted(row),
        rawRecord(row.id, {}),
        updated({ ...row, agent_context_id: other.context }),
        updated(partial, 'summary', 'user_id'),
        deleted(row.id),
        rawRecord(aRow({ agent_context_id: owner.context, user_id: null }).id, {}),
      ],
      0n,
    ),
  });
  expect(result.records).toEqual({ applied: 4, duplicate: 0, stale: 0, tombstone: 0, quarantined: 2 });
  expect(result.decisions).toEqual({ projected: 2, quarantined: 1 });
  expect(await tables.run(row.id)).toMatchObject({ agent_url: other.url });
  expect(await tables.run(partial.id)).toMatchObject({
    headline: partial.summary,
    lifecycle_stage: 'testing',
  });
});

test('and its canonical row gives way to a live row that comes late, unless something refers to it', async () => {
  const tables = new Tables(the().open.pool);
  const owner = await tables.owner();
  const [free, referred] = [1, 2].map((duration) =>
    aRow({ agent_context_id: owner.context, user_id: owner.user, total_duration_ms: duration }),
  ) as [RowValues, RowValues];
  const { claim, nextOffset } = await takeOver(
    the().projector,
    { topicId: TOPIC_ID, partition: 0, offset: 0n },
    'test',
  );
  const context = {
    canonical: the().projector,
    legacy: the().projector,
    optOutPolicy: 'respect',
    matching: MATCHING,
  } as const;
  await runRecords({
    context,
    mode: { kind: 'commit', claim },
    rows: 2,
    records: asRecords([inserted(free), inserted(referred)], nextOffset),
  });
  await tables.execute(
    "INSERT INTO public.agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed) VALUES ($1, 's', 's', true)",
    canonicalRunId(referred.id),
  );
  for (const { total_duration_ms } of [free, referred])
    await tables.live({ agent_url: owner.url, total_duration_ms });
  const result = await sweep({ ...context, graceSeconds: 0, meter: { lower: () => undefined } });
  expect(result.absorbed).toEqual([free.id]);
  expect([...result.blocked.keys()]).toEqual([referred.id]);
});

/** A row of an owner that the role has projected, and the run that it was projected in. */
async function oneProjected() {
  const tables = new Tables(the().open.pool);
  const owner = await tables.owner();
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
  const start = { topicId: TOPIC_ID, partition: 0, offset: 0n };
  const { claim, nextOffset } = await takeOver(the().projector, start, 'test');
  const run = {
    context: {
      canonical: the().projector,
      legacy: the().projector,
      optOutPolicy: 'respect',
      matching: MATCHING,
    },
    mode: { kind: 'commit', claim },
    rows: 1,
    records: asRecords([inserted(row)], nextOffset),
  } as const;
  await runRecords(run);
  return { tables, owner, row, run };
}

test('and it stays where a table may refer to it that nobody of ours can read', async () => {
  const { tables, owner, row } = await oneProjected();
  await tables.live({ agent_url: owner.url });
  await the().superuser.query(
    'CREATE TABLE public.sealed (run_id uuid REFERENCES public.agent_compliance_runs (id) ON DELETE CASCADE)',
  );
  try {
    const { absorbed, blocked } = await swept(the().projector);
    expect(absorbed).toEqual([]);
    expect(blocked.get(row.id)).toBe('public.sealed');
  } finally {
    await the().superuser.query('DROP TABLE public.sealed');
  }
  expect((await swept(the().projector)).absorbed).toEqual([row.id]);
});

test('and it takes back what was projected, though it may delete neither', async () => {
  const { tables, row, run } = await oneProjected();
  expect(await tables.run(row.id)).toMatchObject({ id: canonicalRunId(row.id) });
  const work = { canonical: the().projector, progress: () => undefined };
  const { removable } = await planUndo(work);
  const recorded = await tables.ledger(row.id);
  expect(await undo(work, removable)).toMatchObject({ removable });
  expect([await tables.run(row.id), await tables.ledger(row.id)]).toEqual([undefined, undefined]);
  // It can bring back what is kept aside, and put nothing there.
  await runRecords({ ...run, mode: { kind: 'replay' } });
  expect(await tables.ledger(row.id)).toEqual(recorded);
  expect(await tables.run(row.id)).toMatchObject({ id: canonicalRunId(row.id) });
});

test('and a projector of another role does not run unseen', async () => {
  const url = the().open.database.superuserUrl;
  const other = createPool({ url, name: 'history-cdc project', connections: 1 });
  try {
    const session = await other.connect();
    const refusal = { code: 'PROJECTOR_RUNNING' };
    await expect(undo({ canonical: the().projector, progress: () => undefined }, 0)).rejects.toMatchObject(
      refusal,
    );
    session.release();
  } finally {
    await other.end();
  }
});

test('and it can retry what is parked, and give it up', async () => {
  const tables = new Tables(the().open.pool);
  const owner = await tables.owner();
  const [row, hopeless] = [1, 2].map(() =>
    aRow({ agent_context_id: owner.context, user_id: owner.user }),
  ) as [RowValues, RowValues];
  const start = { topicId: TOPIC_ID, partition: 0, offset: 0n };
  const { claim, nextOffset } = await takeOver(the().projector, start, 'test');
  await runRecords({
    context: {
      canonical: the().projector,
      legacy: the().projector,
      optOutPolicy: 'respect',
      matching: MATCHING,
    },
    mode: { kind: 'commit', claim },
    rows: 2,
    records: asRecords([updated(row, 'summary'), rawRecord(hopeless.id, {})], nextOffset),
  });
  await tables.legacyRow(row);
  expect(await retried(the().projector, { filter: { legacyId: row.id } })).toMatchObject([
    { outcome: 'decided' },
  ]);
  const answers = await retried(the().projector, { filter: { legacyId: hopeless.id } });
  expect(answers).toMatchObject([{ outcome: 'failed' }]);
  await waive(the().projector, {
    ids: answers.map(({ id }) => id),
    by: 'the data owner',
    reason: 'a test row',
  });
});

test('and a row of ours stays one of ours', async () => {
  const { rows } = await the().projector.query<{ id: string }>(
    `SELECT id FROM public.agent_compliance_runs WHERE observations_json ->> 'backfill_script' = 'history-cdc' LIMIT 1`,
  );
  expect(rows).toHaveLength(1);
  const before = await allRuns(the());
  const { rows: answer } = await the().projector.query(
    `SELECT history_cdc.rewrite_own_runs(ARRAY(SELECT ROW(r.id, r.agent_url, r.lifecycle_stage, r.overall_status, r.headline,
       r.total_duration_ms, r.tested_at, r.tracks_passed, r.tracks_failed, r.agent_profile_json, '{}', r.dry_run,
       r.triggered_org_id)::history_cdc.own_run FROM public.agent_compliance_runs r WHERE r.id = $1)) AS rewritten`,
    [rows[0]?.id],
  );
  expect(answer).toEqual([{ rewritten: '0' }]);
  expect(await allRuns(the())).toEqual(before);
});

test('and it can compare what it projected, and keep the verdict', async () => {
  const { run } = await reconciled(the().projector);
  expect(run.phase).toBe('done');
  expect(Number(run.ledger_rows)).toBeGreaterThan(0);
});

test('and records what the stream rests on', async () => {
  const { projector } = the();
  const unknown = { known: false, why: 'it was not asked' } as const;
  const server = known(await readServer(projector, 'none'));
  const others = { slot: unknown, publication: unknown, storedOffset: unknown, dataTopic: unknown };
  const present = presentOf({ server, ...others });
  expect(await checkContinuity(projector, { topicId: TOPIC_ID, present })).toEqual({ breaks: [], gaps: [] });
  const { rows } = await projector.query('SELECT part FROM history_cdc.source_identity ORDER BY part');
  expect(rows).toEqual([{ part: 'system' }, { part: 'timeline' }]);
});
