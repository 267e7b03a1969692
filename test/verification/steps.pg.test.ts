import { beforeEach, describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { createPool } from '../../lib/postgres.ts';
import { readVerification } from '../../operations/facts/verification.ts';
import { beginState, readState } from '../../operations/verification/state.ts';
import { restAfter, step, type StepContext } from '../../operations/verification/step.ts';
import { cleanRows, RUNS, type Rows } from '../support/corruptions.ts';
import { ONLY_KNOWN_ROWS } from '../support/reconciled.ts';
import { updated } from '../support/records.ts';
import { stepContext, stepsUntil, UNVERIFIED, verifiedPasses } from '../support/verified.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
let rows: Rows;
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
  await world().pool.query(UNVERIFIED);
  rows = await cleanRows(world());
  await beginState(world().pool, { projector: 'pod:1', rowsPerSecond: 1 });
});

const context = (others: Partial<StepContext> = {}) => stepContext(world().pool, others);
const facts = async () => {
  const found = await readVerification(world().pool);
  if (found === null || found === undefined) throw new Error('there is no state');
  return found;
};
/** No pass over everything begins meanwhile. */
const ONLY_CHANGES = { passSeconds: 3_600, afterSeconds: 0 };
const walked = async (others: Partial<StepContext> = {}) => {
  const before = (await facts()).changesUntil.getTime();
  return await stepsUntil(
    context({ ...ONLY_CHANGES, ...others }),
    async () => (await facts()).changesUntil.getTime() > before,
  );
};
const spoil = async (headline: string) => {
  await world().execute(
    `UPDATE ${RUNS} SET headline = $2 WHERE id = $1`,
    canonicalRunId(rows.projected.id),
    headline,
  );
};

describe('rows that changed', () => {
  beforeEach(async () => {
    await verifiedPasses(context(), 1);
    await walked();
    await walked();
  });

  test('nothing changed, so nothing is compared', async () => {
    const { changedRows } = await facts();
    const { done } = await walked();
    expect(done.filter(({ part }) => part === 'changed').map(({ rows: compared }) => compared)).toEqual([0]);
    expect((await facts()).changedRows).toBe(changedRows);
  });

  test('an update of the stream is compared after the set time, and its corruption is found without a pass', async () => {
    const before = (await facts()).changedRows;
    await world().execute(
      'UPDATE public.agent_test_history SET steps_passed = 6 WHERE id = $1',
      rows.projected.id,
    );
    await world().project([updated({ ...rows.projected, steps_passed: 6 })]);
    await spoil('by hand');
    // The walk that is due compares what was there when the one before it ended.
    await walked();
    const { wrong } = await stepsUntil(context(ONLY_CHANGES), (done) =>
      done.some((one) => one.wrong.length > 0),
    );
    expect(wrong).toEqual([`different ${rows.projected.id}`]);
    expect((await facts()).changedRows).toBeGreaterThan(before);
    expect(await world().run(rows.projected.id)).toMatchObject({ headline: 'by hand' });
  });

  test('a change that is younger than the set time waits, and is counted', async () => {
    await world().execute(
      'UPDATE history_cdc.ledger SET reason = reason WHERE legacy_id = $1',
      rows.projected.id,
    );
    const waits = context({ ...ONLY_CHANGES, afterSeconds: 3_600 });
    await world().execute('UPDATE history_cdc.verification SET waiting_at = NULL');
    await stepsUntil(waits, (done) => done.some(({ part }) => part === 'count'));
    expect((await facts()).waitingRows).toBe(1);
    await walked();
    await walked();
    await world().execute('UPDATE history_cdc.verification SET waiting_at = NULL');
    await stepsUntil(waits, (done) => done.some(({ part }) => part === 'count'));
    expect((await facts()).waitingRows).toBe(0);
  });

  test('more of them than a step may have: all are compared', async () => {
    const before = (await facts()).changedRows;
    await world().execute('UPDATE history_cdc.ledger SET reason = reason');
    const { rows: counted } = await world().pool.query<{ n: number }>(
      'SELECT count(*)::integer AS n FROM history_cdc.ledger',
    );
    await walked({ mostRows: 3 });
    await walked({ mostRows: 3 });
    expect((await facts()).changedRows - before).toBe(counted[0]?.n);
  });
});

describe('a finding', () => {
  test('that the stream may still bring is no wrong row until the stream has passed', async () => {
    await spoil('by hand');
    const waiting = context({ barrier: { passedUntil: () => Promise.resolve(null) } });
    expect((await verifiedPasses(waiting, 3)).wrong).toEqual([]);
    expect(await facts()).toMatchObject({ wrong: 0, suspects: 1 });
    expect((await verifiedPasses(context(), 2)).wrong).toEqual([`different ${rows.projected.id}`]);
  });

  test('that the last reconcile counted as accepted is not wrong', async () => {
    await spoil('by hand');
    await verifiedPasses(context(), 2);
    expect(await facts()).toMatchObject({ wrong: 1, accepted: 0, ids: [rows.projected.id] });
    await world().execute(
      `WITH run AS (
         INSERT INTO history_cdc.reconcile_run (rule_version, phase, verdict, finished_at)
         VALUES (1, 'done', 'proven', now()) RETURNING id)
       INSERT INTO history_cdc.reconcile_finding (run_id, phase, kind, legacy_id, canonical_run_id, fields, state, accepted_by)
       SELECT run.id, f.phase, f.kind, f.legacy_id, f.canonical_run_id, f.fields, 'confirmed', 'r1'
       FROM run, history_cdc.reconcile_finding f WHERE f.state = 'confirmed'`,
    );
    expect(await facts()).toMatchObject({ wrong: 0, accepted: 1, ids: [] });
  });

  test('is an incident, one per pass, which ends when everything is right again', async () => {
    const { rows: before } = await world().pool.query<{ headline: string }>(
      `SELECT headline FROM ${RUNS} WHERE id = $1`,
      [canonicalRunId(rows.projected.id)],
    );
    await spoil('by hand');
    await verifiedPasses(context(), 2);
    const incidents = async () =>
      (
        await world().pool.query<{ kind: string; ids: string[]; event: string | null }>(
          `SELECT i.kind, i.ids, e.event FROM history_cdc.incident i
           LEFT JOIN history_cdc.incident_event e ON e.incident_id = i.id WHERE i.ids = $1`,
          [[rows.projected.id]],
        )
      ).rows;
    expect(await incidents()).toEqual([{ kind: 'wrong_verdict', ids: [rows.projected.id], event: null }]);
    await spoil(before[0]?.headline ?? '');
    await verifiedPasses(context(), 2);
    expect(await incidents()).toMatchObject([{ event: 'ended' }]);
  });
});

test('with the legacy table in another database, the same is found', async () => {
  await spoil('by hand');
  await world().execute('DELETE FROM public.agent_test_history WHERE id = $1', rows.anonymous.id);
  const there = context({ elsewhere: world().pool, mostRows: 2 });
  const named = [`different ${rows.projected.id}`, `vanished ${rows.anonymous.id}`];
  expect((await verifiedPasses(there, 2)).wrong).toEqual(named);
});

describe('the share', () => {
  test.each([
    ['rows rest for what they are worth', { rows: 500, tookMs: 10, maxShare: 0.1 }, 1_000],
    ['a slow step rests for longer', { rows: 1, tookMs: 300, maxShare: 0.1 }, 2_700],
    ['a step without rows rests, too', { rows: 0, tookMs: 100, maxShare: 0.1 }, 900],
    ['with half of the time, a step rests as long as it took', { rows: 0, tookMs: 100, maxShare: 0.5 }, 100],
    ['with all of the time, only the rows count', { rows: 5, tookMs: 300, maxShare: 1 }, 10],
  ])('%s', (_, { maxShare, ...spent }, ms) => {
    expect(restAfter(spent, { rowsPerSecond: 500, maxShare })).toBe(ms);
  });

  test('two projectors together compare no more rows than one may, and each row once', async () => {
    const rowsPerSecond = 12;
    const shared = { rowsPerSecond, mostRows: 6, passSeconds: 3_600 };
    const other = createPool({ url: world().url, name: 'test', connections: 2 });
    const contexts = [context(shared), stepContext(other, shared)];
    const began = performance.now();
    const done = await Promise.all(
      contexts.map(async (one) => {
        let compared = 0;
        while ((await facts()).phase !== 'rest') {
          const result = await step(one);
          if (result.kind === 'done') compared += result.done.rows;
        }
        return compared;
      }),
    );
    await other.end();
    const seconds = (performance.now() - began) / 1000;
    const compared = done.reduce((sum, one) => sum + one, 0);
    expect(compared).toBe(6 + 7 + 8);
    // The last step has not rested yet.
    expect(compared - shared.mostRows).toBeLessThanOrEqual(rowsPerSecond * seconds);
  });
});

describe('a restart', () => {
  test('goes on where the process was killed, and compares no row twice', async () => {
    const two = { mostRows: 2, passSeconds: 3_600 };
    await stepsUntil(context(two), async () => (await readState(world().pool))?.phase === 'ledger');
    await expect(step({ ...context(two), elsewhere: brokenPool() })).rejects.toThrow();
    await beginState(world().pool, { projector: 'pod:2', rowsPerSecond: 1 });
    expect(await readState(world().pool)).toMatchObject({ phase: 'ledger' });
    await verifiedPasses(context(two), 1);
    expect(await facts()).toMatchObject({ lastPass: { rows: 6 + 7 + 8 } });
  });

  test('with another rule begins the pass anew; the older release stands aside', async () => {
    await stepsUntil(
      context({ mostRows: 2 }),
      async () => (await readState(world().pool))?.phase === 'ledger',
    );
    await world().execute("UPDATE history_cdc.verification SET release = '0.0.1'");
    expect(await step(context())).toMatchObject({ kind: 'wait' });
    await beginState(world().pool, { projector: 'pod:2', rowsPerSecond: 1 });
    expect(await readState(world().pool)).toMatchObject({ phase: 'legacy', lastId: null });
  });
});

/** Of a legacy database that is gone. */
function brokenPool() {
  return createPool({ url: 'postgresql://nobody@127.0.0.1:1/none', name: 'test', connections: 1 });
}
