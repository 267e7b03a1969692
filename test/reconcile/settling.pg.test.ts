import { beforeEach, describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import type { ReconcileRun } from '../../operations/reconcile/run-store.ts';
import { FatalError, messageOf } from '../../lib/errors.ts';
import { createPool, inTransaction } from '../../lib/postgres.ts';
import { aRow, deleted, inserted, updated, type RowValues } from '../support/records.ts';
import { ONLY_KNOWN_ROWS, reconciled } from '../support/reconciled.ts';
import { until } from '../support/until.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
});

/** Every partition is projected up to then, by the source's own time. */
async function streamedUntil(time: string): Promise<void> {
  await world().pool.query(
    `INSERT INTO history_cdc.consumer_offset (topic_id, partition, next_offset, epoch, projector, streamed_until)
     SELECT topic_id, n, 0, 1, 'test', $1 FROM history_cdc.topic CROSS JOIN generate_series(0, partitions - 1) AS n
     ON CONFLICT (topic_id, partition) DO UPDATE SET streamed_until = excluded.streamed_until`,
    [time],
  );
}

async function ownersRow(values: Partial<RowValues> = {}): Promise<RowValues> {
  const owner = await world().owner();
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
  await world().legacyRow(row);
  return row;
}

async function projected(): Promise<RowValues> {
  const row = await ownersRow();
  await world().project([inserted(row)]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
  return row;
}

const WAITING = { sourceIsQuiet: false, settleSeconds: 20 };

describe('while writers write', () => {
  test('a row that comes through before the stream has passed is no finding', async () => {
    await projected();
    await streamedUntil('2026-05-06T00:00:00Z');
    const row = await ownersRow({ summary: 'on its way' });
    let projecting: Promise<unknown> | undefined;
    const { run, named } = await reconciled(world().pool, {
      ...WAITING,
      // The projector gets to it when the whole table has been compared.
      onProgress: ({ phase }) => {
        if (phase === 'recheck')
          projecting ??= world()
            .project([inserted(row)])
            .then(() => world().ledger(row.id));
      },
    });
    await projecting;
    expect(projecting).toBeDefined();
    expect({ verdict: run.verdict, named }).toEqual({ verdict: 'proven', named: [] });
  });

  test('an update and a delete that are on their way are no findings, either', async () => {
    const [changed, gone] = [await projected(), await projected()];
    await streamedUntil('2026-05-06T00:00:00Z');
    await world().execute('UPDATE public.agent_test_history SET steps_passed = 6 WHERE id = $1', changed.id);
    await world().execute('DELETE FROM public.agent_test_history WHERE id = $1', gone.id);
    let projecting: Promise<unknown> | undefined;
    const { run, named } = await reconciled(world().pool, {
      ...WAITING,
      onProgress: ({ phase }) => {
        if (phase !== 'recheck') return;
        projecting ??= world().project([updated({ ...changed, steps_passed: 6 }), deleted(gone.id)]);
      },
    });
    await projecting;
    for (const { id } of [changed, gone]) expect(await world().run(id)).toBeDefined();
    expect({ verdict: run.verdict, named }).toEqual({ verdict: 'proven', named: [] });
  });

  test("a source's clock that is ahead confirms no row that is on its way", async () => {
    await projected();
    const row = await ownersRow({ summary: 'on its way' });
    await streamedUntil('2999-01-01T00:00:00Z');
    const { run, findings } = await reconciled(world().pool, { ...WAITING, settleSeconds: 0 });
    expect(findings).toMatchObject([{ kind: 'unseen', legacy_id: row.id, state: 'in_flight' }]);
    expect(run.verdict).toBe('not_proven');
  });

  test('what the stream never came to is in flight, by its id, and the verdict is that nothing is proven', async () => {
    await projected();
    await streamedUntil('2026-05-06T00:00:00Z');
    const row = await ownersRow({ summary: 'nobody projects' });
    const { run, findings } = await reconciled(world().pool, { ...WAITING, settleSeconds: 0 });
    expect(findings).toMatchObject([{ kind: 'unseen', legacy_id: row.id, state: 'in_flight' }]);
    expect(run.verdict).toBe('not_proven');
  });

  test('what compares our own tables waits for no stream', async () => {
    const row = await projected();
    await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', canonicalRunId(row.id));
    const { findings } = await reconciled(world().pool, { ...WAITING, settleSeconds: 3600 });
    expect(findings).toMatchObject([{ kind: 'missing', legacy_id: row.id, state: 'confirmed' }]);
  });
});

describe('a run that is broken off', () => {
  test('goes on where it was, counts no row twice, and comes to the same', async () => {
    for (let n = 0; n < 5; n++) await projected();
    const lost = await ownersRow({ summary: 'lost' });
    for (const phase of ['legacy', 'ledger', 'canonical']) {
      const stop = new AbortController();
      const broken = reconciled(world().pool, {
        signal: stop.signal,
        onProgress: (run) => {
          if (run.phase === phase && run.last_id !== null) stop.abort();
        },
      });
      await expect(broken).rejects.toThrow('aborted');
    }
    const { rows } = await world().pool.query('SELECT phase FROM history_cdc.reconcile_run');
    expect(rows).toEqual([{ phase: 'canonical' }]);
    const phases: string[] = [];
    const { run, named } = await reconciled(world().pool, { onProgress: ({ phase }) => phases.push(phase) });
    expect(phases).not.toContain('legacy');
    expect(run).toMatchObject({ legacy_rows: '6', ledger_rows: '6', canonical_rows: '9', verdict: 'wrong' });
    expect(named).toEqual([`unseen ${lost.id}`]);
  });

  test.each([
    ['no row of the table was compared, and it holds one', 0, false],
    ['nobody writes, and the table holds a row more than were compared', 1, true],
  ])('%s: nothing is proven', async (_, before, sourceIsQuiet) => {
    for (let n = 0; n < before; n++) await projected();
    const stop = new AbortController();
    const broken = reconciled(world().pool, {
      signal: stop.signal,
      onProgress: (run) => {
        if (run.phase === 'ledger') stop.abort();
      },
    });
    await expect(broken).rejects.toThrow('aborted');
    await projected();
    const { run, named } = await reconciled(world().pool, { sourceIsQuiet });
    expect(named).toEqual([]);
    expect(run).toMatchObject({
      verdict: 'not_proven',
      legacy_rows: String(before),
      legacy_counted: String(before + 1),
    });
    expect((await reconciled(world().pool, { fresh: true })).run.verdict).toBe('proven');
  });

  test('is left where it was by one that begins anew', async () => {
    await projected();
    const stop = new AbortController();
    const broken = reconciled(world().pool, {
      signal: stop.signal,
      onProgress: () => {
        stop.abort();
      },
    });
    await expect(broken).rejects.toThrow('aborted');
    const { run } = await reconciled(world().pool, { fresh: true });
    expect(run).toMatchObject({ legacy_rows: '1', verdict: 'proven' });
    const { rows } = await world().pool.query('SELECT phase FROM history_cdc.reconcile_run ORDER BY id');
    expect(rows).toEqual([{ phase: 'ledger' }, { phase: 'done' }]);
  });

  test('is not gone on with after a day', async () => {
    await projected();
    const stop = new AbortController();
    const broken = reconciled(world().pool, {
      signal: stop.signal,
      onProgress: () => {
        stop.abort();
      },
    });
    await expect(broken).rejects.toThrow('aborted');
    await world().execute(
      "UPDATE history_cdc.reconcile_run SET started_at = started_at - interval '25 hours'",
    );
    const { run } = await reconciled(world().pool);
    expect(run).toMatchObject({ legacy_rows: '1', verdict: 'proven' });
    expect((await world().pool.query('SELECT FROM history_cdc.reconcile_run')).rowCount).toBe(2);
  });

  test('is gone on with by one command only: the other is refused, and counts no row twice', async () => {
    for (let n = 0; n < 4; n++) await projected();
    const stop = new AbortController();
    const broken = reconciled(world().pool, {
      signal: stop.signal,
      onProgress: () => {
        stop.abort();
      },
    });
    await expect(broken).rejects.toThrow('aborted');
    // Both read the run as it is, and meet at the row that they move on.
    const two = await inTransaction(world().pool, async (holder) => {
      await holder.query('SELECT FROM history_cdc.reconcile_run FOR UPDATE');
      const both = [goingOn(), goingOn()];
      await until('both commands wait for the run', async () => {
        const { rows } = await world().pool.query<{ waiting: number }>(WAIT_FOR_THE_RUN);
        return rows[0]?.waiting === 2;
      });
      return both;
    });
    const ended = await Promise.all(two);
    expect(ended.map(({ code }) => code).sort()).toEqual(['FENCED', 'proven']);
    const compared = ended.flatMap(({ run }) => run ?? []);
    expect(compared).toMatchObject([{ legacy_rows: '4', verdict: 'proven' }]);
  });
});

const WAIT_FOR_THE_RUN = `
  SELECT count(*)::integer AS waiting FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%UPDATE history_cdc.reconcile_run%'`;

async function goingOn(): Promise<{ code: string | null; run?: ReconcileRun }> {
  const pool = createPool({ url: world().url, name: 'test', connections: 4 });
  try {
    const { run } = await reconciled(pool);
    return { code: run.verdict, run };
  } catch (error) {
    return { code: error instanceof FatalError ? error.code : messageOf(error) };
  } finally {
    await pool.end();
  }
}
