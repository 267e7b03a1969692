import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { advance, Fenced, takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { connectedProjectors } from '../../operations/undo/running-projectors.ts';
import { planUndo, undo, type UndoResult } from '../../operations/undo/undo.ts';
import { createPool } from '../../lib/postgres.ts';
import { bystandersOf, everything } from '../support/fingerprint.ts';
import { outcome } from '../support/own-rows.ts';
import { aRow, deleted, inserted, updated, type RowValues } from '../support/records.ts';
import { TOPIC_ID } from '../support/run-records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';
import { until } from '../support/until.ts';

const world = useWorld();

/** The bystanders have one canonical row that the ledger says is ours; it goes, too. */
const BYSTANDER = 1;

const work = (chunkRows = 1_000) => ({ canonical: world().pool, progress: () => undefined, chunkRows });

function runOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

async function projected(...messages: Parameters<ReturnType<typeof world>['project']>[0]): Promise<void> {
  await world().project(messages);
  for (const { id } of messages) if (id !== null) await world().ledger(id);
}

const refer = (row: RowValues) =>
  world().execute(
    `INSERT INTO public.agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed)
     VALUES ($1, 'storyboard', 'step', true)`,
    canonicalRunId(row.id),
  );

describe('a dry run', () => {
  test('counts what would go, what only the topic could bring back, and what is gone; and changes nothing', async () => {
    const owner = await world().owner();
    const [row, gone, pruned] = ['a', 'b', 'c'].map((summary) => runOf(owner, { summary })) as [
      RowValues,
      RowValues,
      RowValues,
    ];
    await projected(inserted(row), inserted(gone), inserted(pruned), deleted(gone.id));
    await world().execute(
      'DELETE FROM public.agent_compliance_runs WHERE id = $1',
      canonicalRunId(pruned.id),
    );
    const before = await everything(world().pool);
    const plan = { projected: 3, removable: 2, onlyInTopic: 1, pruned: 1, blocked: new Map() };
    for (const chunkRows of [1, 2, 1_000]) {
      expect(await planUndo(work(chunkRows))).toEqual({
        ...plan,
        projected: plan.projected + BYSTANDER,
        removable: plan.removable + BYSTANDER,
      });
    }
    expect(await everything(world().pool)).toEqual(before);
  });

  test('names what something refers to, by whatever table, and what is not ours any more', async () => {
    const owner = await world().owner();
    const [referred, odd, taken, free] = ['a', 'b', 'c', 'd'].map((summary) => runOf(owner, { summary })) as [
      RowValues,
      RowValues,
      RowValues,
      RowValues,
    ];
    await projected(inserted(referred), inserted(odd), inserted(taken), inserted(free));
    await refer(referred);
    await world().execute(
      'UPDATE public.agent_compliance_runs SET observations_json = NULL WHERE id = $1',
      canonicalRunId(taken.id),
    );
    await world().pool.query(
      'CREATE TABLE public."Odd table" (run uuid REFERENCES public.agent_compliance_runs (id) ON DELETE SET NULL)',
    );
    try {
      await world().execute('INSERT INTO public."Odd table" VALUES ($1)', canonicalRunId(odd.id));
      const blocked = new Map([
        [referred.id, 'public.agent_compliance_step_diagnostics refers to it'],
        [odd.id, 'public."Odd table" refers to it'],
        [taken.id, 'it lost our mark'],
      ]);
      const plan = await planUndo(work());
      expect(plan).toMatchObject({ removable: 1 + BYSTANDER, blocked });
      expect(await undo(work(1), plan.removable)).toMatchObject({ removable: 1 + BYSTANDER, blocked });
      expect(await world().run(free.id)).toBeUndefined();
      for (const { id } of [referred, odd, taken])
        expect(await world().run(id)).toMatchObject({ id: canonicalRunId(id) });
    } finally {
      await world().pool.query('DROP TABLE public."Odd table"');
    }
  });
});

describe('an undo', () => {
  test('takes away what we wrote and nothing else; a replay brings all of it back, byte by byte', async () => {
    const [owner, other] = [await world().owner(), await world().owner()];
    await world().member(owner.user, other.organization);
    const rows = Array.from({ length: 5 }, (_, n) => runOf(owner, { summary: `run ${String(n)}` }));
    const [changed, moved, gone] = rows as [RowValues, RowValues, RowValues];
    const [twin, stranger] = [runOf(owner, { summary: 'twin' }), runOf(owner, { user_id: 'stranger' })];
    await world().live({ agent_url: owner.url, headline: 'twin' });
    await projected(
      ...[...rows, twin, stranger].map(inserted),
      updated({ ...changed, summary: 'newest', steps_passed: 1 }),
      updated({ ...moved, agent_context_id: other.context }),
      deleted(gone.id),
    );
    await world().execute("DELETE FROM history_cdc.ledger WHERE legacy_id::text LIKE 'c0000000%'");
    const before = await everything(world().pool);
    const own = { legacyIds: rows.map(({ id }) => id), runIds: rows.map(({ id }) => canonicalRunId(id)) };
    const all = { ...own, legacyIds: [...own.legacyIds, twin.id, stranger.id] };
    const wanted = await outcome(world().pool, all, String);
    expect(await undo(work(2), 5)).toEqual({
      projected: 5,
      removable: 5,
      onlyInTopic: 1,
      pruned: 0,
      blocked: new Map(),
    } satisfies UndoResult);
    const after = await everything(world().pool);
    expect(bystandersOf(after, { legacyIds: [], runIds: [] })).toEqual(bystandersOf(before, own));
    expect(await world().replay()).toMatchObject({
      decisions: { projected: 5 },
      changes: { runsInserted: 5, runsDeleted: 0 },
    });
    expect(await outcome(world().pool, all, String)).toEqual(wanted);
    expect(await world().run(moved.id)).toMatchObject({ id: canonicalRunId(moved.id), agent_url: other.url });
    expect(await planUndo(work())).toMatchObject({ removable: 5 });
  });

  test('does not bring back what retention pruned: its decision stays', async () => {
    const row = runOf(await world().owner());
    await projected(inserted(row));
    await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', canonicalRunId(row.id));
    await undo(work(), BYSTANDER);
    await world().replay();
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    expect(await world().run(row.id)).toBeUndefined();
  });

  test.each([
    ['nothing', undefined],
    ['one row less', 1],
    ['one row more', 3],
  ])('is refused where %s was confirmed, and changes nothing', async (_, confirmed) => {
    const row = runOf(await world().owner());
    await projected(inserted(row));
    const before = await everything(world().pool);
    await expect(undo(work(), confirmed)).rejects.toMatchObject({
      code: 'NOT_CONFIRMED',
      wayOut: expect.stringContaining('--confirm 2') as unknown,
    });
    expect(await everything(world().pool)).toEqual(before);
  });

  test.each([
    ['project', 'project'],
    ['replay', 'replay'],
    // All that is connected of a projector that has nothing to do.
    ['watchdog', 'project'],
  ])('is refused while a session of `history-cdc %s` is there', async (session, command) => {
    const row = runOf(await world().owner());
    await projected(inserted(row));
    const before = await everything(world().pool);
    // A name in the URL takes the place of ours in the driver, and must not hide the session.
    const url = new URL(world().pool.options.connectionString ?? '');
    url.searchParams.set('application_name', 'something else');
    const running = createPool({ url: url.href, name: `history-cdc ${session}`, connections: 1 });
    try {
      const connected = await running.connect();
      await expect(undo(work(), 1 + BYSTANDER)).rejects.toMatchObject({
        code: 'PROJECTOR_RUNNING',
        message: expect.stringContaining(`history-cdc ${command}`) as unknown,
      });
      connected.release();
    } finally {
      await running.end();
    }
    // Postgres ends a session some time after its client has left. The next test would find it.
    await until('the session is gone', async () => (await connectedProjectors(world().pool)).length === 0);
    expect(await everything(world().pool)).toEqual(before);
  });

  test('fences a projector that nobody could see: it commits nothing any more', async () => {
    const row = runOf(await world().owner());
    await projected(inserted(row));
    const start = { topicId: TOPIC_ID, partition: 0, offset: 0n };
    const { claim, nextOffset: from } = await takeOver(world().pool, start, 'idle');
    const step = { claim, from, to: from + 1n, batch: null, streamedUntil: null };
    await undo(work(), 1 + BYSTANDER);
    await expect(advance(world().pool, step)).rejects.toBeInstanceOf(Fenced);
    const { claim: next } = await takeOver(world().pool, start, 'next');
    await advance(world().pool, { ...step, claim: next });
  });

  test('deletes no row that somebody began to refer to since it was looked at', async () => {
    const row = runOf(await world().owner());
    await projected(inserted(row));
    await refer(row);
    const { rows } = await world().pool.query('SELECT history_cdc.undo_projected($1)', [[row.id]]);
    expect(rows).toEqual([]);
    expect(await world().run(row.id)).toMatchObject({ id: canonicalRunId(row.id) });
  });
});
