import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureWindow } from '../../demo/figures.ts';
import { reconciled } from '../support/reconciled.ts';
import { openProjectedDemo, type ProjectedDemo } from './projected-demo.ts';

let demo: ProjectedDemo;

beforeAll(async () => {
  demo = await openProjectedDemo();
});

afterAll(async () => {
  await demo.close();
});

async function count(sql: string): Promise<number> {
  const { rows } = await demo.pool.query<{ count: number }>(`SELECT count(*)::integer AS count ${sql}`);
  return rows[0]?.count ?? -1;
}

test.each(['legacy', 'old pod', 'failed live write', 'both', 'late', 'new pod', 'failed legacy write'])(
  'the writer wrote runs by the path %s',
  async (path) => {
    expect(await count(`FROM demo.run WHERE origin = 'stream' AND path = '${path}'`)).toBeGreaterThan(0);
  },
);

test('each run is written where its path says, and nowhere else', async () => {
  const runs =
    'FROM demo.run r LEFT JOIN agent_compliance_runs v ON v.id = (SELECT id FROM demo.live_run l WHERE l.n = r.n)';
  const legacyOnly = `path IN ('legacy', 'old pod', 'failed live write') AND hard_case IS NULL`;
  expect(await count(`${runs} WHERE ${legacyOnly} AND v.id IS NOT NULL`)).toBe(0);
  expect(
    await count(`${runs} WHERE path IN ('both', 'late', 'new pod', 'failed legacy write') AND v.id IS NULL`),
  ).toBe(0);
  expect(
    await count(
      `FROM demo.run r JOIN demo.expected e ON e.legacy_id = r.id WHERE r.path IN ('new pod', 'failed legacy write')`,
    ),
  ).toBe(0);
});

test('the live row of an ordinary run is written before its legacy row, with a time of its own', async () => {
  const pairs = `FROM demo.live_run l JOIN agent_compliance_runs v USING (id) JOIN agent_test_history h ON h.id = l.legacy_id JOIN demo.run r USING (n) WHERE r.hard_case IS NULL`;
  expect(
    await count(`${pairs} AND v.tested_at < h.started_at AND h.started_at < v.tested_at + interval '9 s'`),
  ).toBe(await count(pairs));
  expect(await count(`${pairs} AND v.headline IS NOT DISTINCT FROM h.summary`)).toBe(await count(pairs));
  expect(await count(pairs)).toBeGreaterThan(200);
});

test('the figures of the window are the ones that were written', async () => {
  const { figures, firstLiveAt } = await measureWindow(demo.pool);
  for (const [figure, { found, written }] of Object.entries(figures)) {
    expect(found, figure).toBe(written);
    expect(found, figure).toBeGreaterThan(0);
  }
  expect(firstLiveAt.slice(0, 10)).toBe('2025-12-18');
});

/** Conditions on the ledger: one row of a kind, and always the same. */
const one = (condition: string) =>
  `legacy_id = (SELECT legacy_id FROM demo.expected WHERE story IS NULL AND ${condition} ORDER BY legacy_id LIMIT 1)`;
const aTwin = one(`path = 'both' AND origin = 'stream'`);
const aStraggler = one(`path = 'failed live write' AND hard_case IS NULL`);
const aLateTwin = one(`path = 'late'`);
const unconfirmed = one(`path = 'unknown'`);
const runOf = (row: string) => `(SELECT canonical_run_id FROM history_cdc.ledger WHERE ${row})`;
const loneLiveRow = `(SELECT v.id FROM demo.live_run v JOIN demo.run USING (n) WHERE hard_case = 'live row alone' ORDER BY v.id LIMIT 1)`;
const runColumns = `agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_passed, tracks_failed,
   agent_profile_json, triggered_by, dry_run, triggered_org_id`;

/** A row that claims to be ours, for a legacy row that has a live row. */
const beside = (
  row: string,
  id: string,
) => `INSERT INTO agent_compliance_runs (id, ${runColumns}, observations_json)
   SELECT ${id}, ${runColumns}, jsonb_build_object('backfill_source', 'agent_test_history', 'backfill_script', 'history-cdc', 'backfill_source_id', legacy_id)
   FROM agent_compliance_runs r JOIN (SELECT legacy_id, canonical_run_id FROM history_cdc.ledger WHERE ${row}) AS l ON r.id = l.canonical_run_id`;

test.each([
  {
    what: 'a twin is linked to the live row of another run',
    breakage: `UPDATE history_cdc.ledger SET canonical_run_id = ${loneLiveRow} WHERE ${aTwin}`,
    red: ['twins-as-written', 'live-rows-alone'],
  },
  {
    what: 'a twin was projected beside its live row',
    breakage: `WITH ours AS (${beside(aTwin, 'gen_random_uuid()')} RETURNING id)
      UPDATE history_cdc.ledger SET decision = 'projected', canonical_run_id = ours.id FROM ours WHERE ${aTwin}`,
    red: [
      'decisions-as-generated',
      'decisions-recomputed',
      'projected-content',
      'doubled',
      'twins-as-written',
      'stragglers-named',
      'ids-derived',
    ],
  },
  {
    what: 'a straggler is lost',
    breakage: `DELETE FROM agent_compliance_runs WHERE id = ${runOf(aStraggler)}`,
    red: ['projected-content', 'lost', 'stragglers-projected'],
  },
  {
    what: 'a straggler is taken for the run of a live row',
    breakage: `UPDATE history_cdc.ledger SET decision = 'twin', canonical_run_id = ${loneLiveRow} WHERE ${aStraggler}`,
    red: [
      'decisions-as-generated',
      'decisions-recomputed',
      'doubled',
      'linked-one-to-one',
      'stragglers-projected',
      'live-rows-alone',
    ],
  },
  {
    what: 'a row by us stays beside the live row that came late',
    breakage: beside(
      aLateTwin,
      '(SELECT projected_run_id FROM demo.late_live_run w WHERE w.legacy_id = l.legacy_id)',
    ),
    red: ['doubled', 'linked-one-to-one', 'twins-as-written', 'late-absorbed'],
  },
  {
    what: 'a weak fingerprint is linked all the same',
    breakage: `UPDATE history_cdc.ledger SET decision = 'twin', canonical_run_id = (SELECT v.id FROM demo.live_run v JOIN demo.run r USING (n) WHERE r.id = ledger.legacy_id)
      WHERE ${unconfirmed}`,
    red: [
      'decisions-as-generated',
      'decisions-recomputed',
      'doubled',
      'linked-one-to-one',
      'weak-left-to-a-person',
      'live-rows-alone',
    ],
  },
  {
    what: 'nobody is told of a weak fingerprint',
    breakage: `UPDATE history_cdc.ledger SET reason = 'owner' WHERE ${unconfirmed}`,
    red: ['stragglers-named', 'weak-left-to-a-person'],
  },
  {
    what: 'of two identical runs with one live row, neither is linked',
    breakage: `WITH pair AS (SELECT legacy_id FROM demo.judged WHERE pair_group IS NOT NULL AND decision = 'twin' ORDER BY legacy_id LIMIT 1)
      UPDATE history_cdc.ledger l SET canonical_run_id = ${loneLiveRow} FROM pair WHERE pair.legacy_id = l.legacy_id`,
    red: ['decisions-recomputed', 'identical-runs', 'live-rows-alone'],
  },
  {
    what: 'a live row is rewritten',
    breakage: `UPDATE agent_compliance_runs SET tracks_skipped = tracks_skipped + 1 WHERE id = ${runOf(aTwin)}`,
    red: ['live-rows-untouched'],
  },
  {
    what: 'a live row is deleted',
    breakage: `DELETE FROM agent_compliance_runs WHERE id = ${runOf(aTwin)}`,
    red: ['decisions-recomputed', 'lost', 'live-rows-untouched'],
  },
  {
    what: 'a live row appears that nobody wrote',
    breakage: `INSERT INTO agent_compliance_runs (${runColumns}) SELECT ${runColumns} FROM agent_compliance_runs WHERE id = ${runOf(aTwin)}`,
    red: ['untouched: canonical rows of others'],
  },
])('$what: $red', async ({ breakage, red }) => {
  expect(await demo.failingAfter(breakage)).toEqual(red);
});

test('reconcile proves it: no link, and no run that was moved or changed later, is a false alarm', async () => {
  const { run, findings } = await reconciled(demo.pool, { chunkRows: 1000 });
  expect(findings.filter(({ severity }) => severity === 'wrong')).toEqual([]);
  expect(run.decisions?.['twin']).toBeGreaterThan(100);
  expect(run.verdict).toBe('proven');
});
