import { beforeEach, describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { FatalError } from '../../lib/errors.ts';
import { pastRuns } from '../../operations/reconcile/history.ts';
import { reconcileSince } from '../../operations/reconcile/since.ts';
import { findingsOf } from '../../operations/reconcile/report.ts';
import { lastFinished } from '../../operations/reconcile/run-store.ts';
import { cleanRows, RUNS, type Rows } from '../support/corruptions.ts';
import { MATCHING } from '../support/run-records.ts';
import { ONLY_KNOWN_ROWS, reconciled } from '../support/reconciled.ts';
import { aRow } from '../support/records.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { UNVERIFIED } from '../support/verified.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
let rows: Rows;
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
  await world().pool.query(UNVERIFIED);
  rows = await cleanRows(world());
});

async function now(): Promise<Date> {
  const { rows: clock } = await world().pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  return clock[0]?.now ?? new Date(0);
}

async function since(moment: Date) {
  const { pool } = world();
  const run = await reconcileSince({
    ...{ canonical: pool, elsewhere: undefined, stream: undefined, windowUs: MATCHING.windowUs },
    ...{ retentionDays: undefined, settleSeconds: 0, sourceIsQuiet: true, chunkRows: 2, accepted: [] },
    ...{ since: moment, signal: new AbortController().signal, onProgress: () => undefined },
  });
  const named: string[] = [];
  for await (const { kind, legacy_id: id } of findingsOf(pool, run.id)) named.push(`${kind} ${id ?? '-'}`);
  return { run, named: named.sort() };
}

/** A run over everything, and a moment after it. */
async function proven(): Promise<Date> {
  expect((await reconciled(world().pool)).run.verdict).toBe('proven');
  return await now();
}

describe('reconcile --since', () => {
  test('compares what changed since, whoever changed it, and nothing else', async () => {
    const moment = await proven();
    await world().execute(
      'UPDATE history_cdc.ledger SET reason = reason WHERE legacy_id = $1',
      rows.projected.id,
    );
    await world().execute(
      'UPDATE public.agent_test_history SET steps_passed = 6 WHERE id = $1',
      rows.other.id,
    );
    const unseen = aRow({ agent_context_id: rows.owner.context, user_id: rows.owner.user });
    await world().legacyRow(unseen);
    await world().execute(
      `UPDATE ${RUNS} SET headline = 'x' WHERE id = $1`,
      canonicalRunId(rows.projected.id),
    );
    const { run, named } = await since(moment);
    const changed = [rows.other.id, rows.projected.id].map((id) => `different ${id}`);
    expect(named).toEqual([...changed, `unseen ${unseen.id}`].sort());
    expect(run).toMatchObject({ scope: 'since', verdict: 'wrong', since: moment });
    expect([run.legacy_rows, run.ledger_rows, run.canonical_rows]).toEqual(['2', '1', '1']);
  });

  test('where all of it is right, the verdict is one of its own, and no verdict of the whole', async () => {
    const moment = await proven();
    const whole = await lastFinished(world().pool);
    await world().execute('UPDATE history_cdc.ledger SET reason = reason');
    const { run } = await since(moment);
    expect(run.verdict).toBe('changes_proven');
    expect(run.ledger_rows).toBe('7');
    expect((await lastFinished(world().pool))?.id).toBe(whole?.id);
    await expect(
      world().execute("UPDATE history_cdc.reconcile_run SET verdict = 'proven' WHERE id = $1", run.id),
    ).rejects.toMatchObject({ code: '23514' });
  });

  test.each([
    ['before every moment that is recorded', () => new Date('2020-01-01T00:00:00Z')],
    ['in the future', () => new Date('2999-01-01T00:00:00Z')],
  ])('%s, it is refused by name', async (_, moment) => {
    await proven();
    await expect(since(moment())).rejects.toSatisfy(
      (error) => error instanceof FatalError && error.code === 'SINCE_UNKNOWN',
    );
  });
});

test('--history lists verdicts of the whole, of changes, and a pass only where it found something else', async () => {
  const moment = await proven();
  await since(moment);
  for (const wrong of [0, 0, 2, 2, 0])
    await world().execute(
      `INSERT INTO history_cdc.verification_pass (began_at, release, rule_version, legacy_rows, ledger_rows, canonical_rows, wrong, waiting)
       VALUES (clock_timestamp(), 'x', 1, 1, 1, 1, $1, 0)`,
      wrong,
    );
  const runs = await pastRuns(world().pool, 10);
  expect(runs.map(({ scope, verdict, wrong }) => [scope, verdict, wrong])).toEqual([
    ['background', null, 0],
    ['background', null, 2],
    ['since', 'changes_proven', 0],
    ['whole', 'proven', 0],
  ]);
  const listed = await runInProcess(['reconcile', '--history', '1', '--json'], {
    DATABASE_URL: world().url,
  });
  expect(listed.code).toBe(0);
  expect(JSON.parse(listed.stdout)).toMatchObject({ runs: [{ scope: 'background', wrong: 0 }] });
});

test('the command ends with 0 where the changes are proven, and 2 for a time without a zone', async () => {
  const moment = await proven();
  const environment = { DATABASE_URL: world().url };
  const good = await runInProcess(
    ['reconcile', '--since', moment.toISOString(), '--source-is-quiet', '--json'],
    environment,
  );
  expect(good.code).toBe(0);
  expect(JSON.parse(good.stdout)).toMatchObject({ scope: 'since', verdict: 'changes_proven' });
  expect((await runInProcess(['reconcile', '--since', '2026-11-30'], environment)).code).toBe(2);
});
