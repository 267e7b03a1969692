import { beforeEach, expect, test } from 'vitest';
import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import { RELEASE } from '../../lib/release.ts';
import { lookAtStanding } from '../../operations/verification/standing.ts';
import { cleanRows } from '../support/corruptions.ts';
import { ONLY_KNOWN_ROWS, reconciled } from '../support/reconciled.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
  await world().pool.query('DELETE FROM history_cdc.verification_pass');
  await cleanRows(world());
});

/** As a projector leaves it that has verified everything a moment ago. */
async function verified(patch = ''): Promise<void> {
  await world().execute(
    `WITH run AS (
       INSERT INTO history_cdc.reconcile_run (rule_version, release, phase, scope)
       VALUES ($1, $2, 'legacy', 'background') RETURNING id)
     INSERT INTO history_cdc.verification
       (run_id, alive_by, rows_per_second, moved_at, release, rule_version, changed_from, changed_to)
     SELECT id, 'pod:1', 100, clock_timestamp(), $2, $1, pg_current_snapshot(), pg_current_snapshot() FROM run`,
    RULE_VERSION,
    RELEASE,
  );
  await world().execute(
    `INSERT INTO history_cdc.verification_pass
       (began_at, release, rule_version, legacy_rows, ledger_rows, canonical_rows, wrong, waiting)
     VALUES (clock_timestamp(), $2, $1, 6, 7, 8, 0, 0)`,
    RULE_VERSION,
    RELEASE,
  );
  if (patch !== '') await world().execute(patch);
}

const standing = async () => await lookAtStanding(world().pool);

test('where nothing has looked, nothing is good, and no number says 0', async () => {
  const { whole, background, refusals } = await standing();
  expect(whole).toBeNull();
  expect(background).toMatchObject({ state: 'unknown', wrong: null, waiting: null, everyRowSince: null });
  expect(refusals).toHaveLength(2);
});

test('everything compared, by both, lately: nothing is refused', async () => {
  await verified();
  const { run } = await reconciled(world().pool);
  const { whole, background, refusals } = await standing();
  expect(whole).toMatchObject({ runId: run.id, verdict: 'proven', release: RELEASE, stale: null });
  expect(background).toMatchObject({ state: 'good', wrong: 0, waiting: 0 });
  expect(refusals).toEqual([]);
});

const AGO = "clock_timestamp() - interval '1 hour'";
test.each([
  ['no projector is there', `UPDATE history_cdc.verification SET alive_at = ${AGO}`, 'unknown'],
  ['it fails', `UPDATE history_cdc.verification SET failed_at = ${AGO}, failure = 'ROWS_HIDDEN'`, 'unknown'],
  [
    'it does not move',
    `UPDATE history_cdc.verification SET moved_at = ${AGO}, rest_until = ${AGO}`,
    'unknown',
  ],
  [
    'it has been held back for an hour',
    `UPDATE history_cdc.verification SET moved_at = ${AGO}, rest_until = ${AGO}, held_since = ${AGO}, held_because = 'slot lag'`,
    'unverified',
  ],
  ['another release compared it', `UPDATE history_cdc.verification_pass SET release = 'x'`, 'unverified'],
  ['its first pass is under way', 'DELETE FROM history_cdc.verification_pass', 'unverified'],
  [
    'a row is wrong',
    `INSERT INTO history_cdc.reconcile_finding (run_id, phase, kind, legacy_id, state)
     SELECT run_id, 'legacy', 'different', gen_random_uuid(), 'confirmed' FROM history_cdc.verification`,
    'wrong',
  ],
])('where %s, it is refused', async (_, patch, state) => {
  await verified(patch);
  await reconciled(world().pool);
  const { background, refusals } = await standing();
  expect(background.state).toBe(state);
  expect(refusals).toHaveLength(1);
});
