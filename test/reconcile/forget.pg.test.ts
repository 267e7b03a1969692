import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import { forgetOldFindings } from '../../operations/reconcile/forget.ts';
import { RELEASE } from '../../lib/release.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { reconciled } from '../support/reconciled.ts';

let open: OpenDatabase;
beforeAll(async () => {
  open = await openMigratedDatabase();
});
afterAll(async () => {
  await open.close();
});
beforeEach(async () => {
  await open.pool.query('DELETE FROM history_cdc.reconcile_run');
});

const RUN = `
  INSERT INTO history_cdc.reconcile_run (rule_version, release, phase, started_at, updated_at, finished_at, verdict)
  SELECT $3, $4, CASE WHEN $2 THEN 'done' ELSE 'ledger' END, at, at, CASE WHEN $2 THEN at END, CASE WHEN $2 THEN 'wrong' END
  FROM (SELECT clock_timestamp() - $1 * interval '1 day' AS at) AS past
  RETURNING id`;
const FINDINGS = `
  INSERT INTO history_cdc.reconcile_finding (run_id, phase, kind, legacy_id)
  SELECT $1, 'legacy', 'unseen', gen_random_uuid() FROM generate_series(1, 3)`;

/** A run with three findings. */
async function runOf(daysAgo: number, finished = true): Promise<string> {
  const { rows } = await open.pool.query<{ id: string }>(RUN, [daysAgo, finished, RULE_VERSION, RELEASE]);
  const id = rows[0]?.id ?? '';
  await open.pool.query(FINDINGS, [id]);
  return id;
}

/** Runs that still have findings, all three of them. */
async function runsWithFindings(): Promise<string[]> {
  const { rows } = await open.pool.query<{ run_id: string }>(
    'SELECT run_id FROM history_cdc.reconcile_finding GROUP BY run_id HAVING count(*) = 3 ORDER BY run_id',
  );
  return rows.map(({ run_id }) => run_id);
}

test('the ten newest verdicts keep their findings, and every run its verdict', async () => {
  const runs: string[] = [];
  for (let n = 0; n < 13; n++) runs.push(await runOf(1));
  expect(await forgetOldFindings(open.pool, 2)).toBe(9);
  expect(await runsWithFindings()).toEqual(runs.slice(3));
  const kept = await open.pool.query("SELECT FROM history_cdc.reconcile_run WHERE verdict = 'wrong'");
  expect(kept.rowCount).toBe(13);
  expect(await forgetOldFindings(open.pool)).toBe(0);
});

test('findings go after 30 days, those of the newest verdict never', async () => {
  await runOf(400);
  const recent = await runOf(29);
  const newest = await runOf(31);
  expect(await forgetOldFindings(open.pool)).toBe(3);
  expect(await runsWithFindings()).toEqual([recent, newest]);
});

test('a run that is not finished keeps them while somebody may be at it', async () => {
  await runOf(2, false);
  const atIt = await runOf(0.9, false);
  for (let n = 0; n < 10; n++) await runOf(0);
  expect(await forgetOldFindings(open.pool)).toBe(3);
  expect(await runsWithFindings()).toContain(atIt);
});

test('each run of reconcile cleans up behind itself, and does not go on with one that a verdict has overtaken', async () => {
  const overtaken = await runOf(0, false);
  const first = await runOf(3);
  for (let n = 0; n < 9; n++) await runOf(2);
  const { run } = await reconciled(open.pool);
  expect(run.verdict).toBe('proven');
  expect(run.id).not.toBe(overtaken);
  const left = await runsWithFindings();
  expect(left).toContain(overtaken);
  expect(left).not.toContain(first);
});
