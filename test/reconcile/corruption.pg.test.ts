import { beforeEach, describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { allSpoiled, cleanRows, CORRUPTIONS, RUNS, spoiled, type Rows } from '../support/corruptions.ts';
import { ONLY_KNOWN_ROWS, reconciled } from '../support/reconciled.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
});

async function cleanWorld(): Promise<Rows> {
  return await cleanRows(world());
}

describe('reconcile', () => {
  test('finds nothing where nothing is wrong, and says so', async () => {
    await cleanWorld();
    const { run, named } = await reconciled(world().pool);
    expect(named).toEqual([]);
    expect(run).toMatchObject({
      verdict: 'proven',
      legacy_rows: '6',
      ledger_rows: '7',
      canonical_rows: '8',
      decisions: { projected: 3, twin: 1, adopted: 1, third_party: 1, anonymous: 1 },
    });
  });

  test.each(CORRUPTIONS)('finds $what as $kind, with its id, and nothing else', async (corruption) => {
    const expected = await spoiled(world(), await cleanWorld(), corruption);
    const { run, named } = await reconciled(world().pool);
    expect(named).toEqual(expected.sort());
    expect(run.verdict).toBe('wrong');
  });

  test('finds all of them at once', async () => {
    const expected = await allSpoiled(world(), await cleanWorld());
    expect((await reconciled(world().pool)).named).toEqual(expected.sort());
  });
});

describe('a difference', () => {
  test.each([
    ['agent_url', "agent_url = 'https://other.example'", 'agent_url'],
    ['lifecycle_stage', "lifecycle_stage = 'testing'", 'lifecycle_stage'],
    ['overall_status', "overall_status = 'failing'", 'overall_status'],
    ['headline', 'headline = NULL', 'headline'],
    ['total_duration_ms', 'total_duration_ms = 1235', 'total_duration_ms'],
    ['tested_at', "tested_at = tested_at + interval '1 microsecond'", 'tested_at'],
    ['tracks_json', "tracks_json = '[1]'", 'tracks_json'],
    ['tracks_passed', 'tracks_passed = 8', 'tracks_passed'],
    ['tracks_failed', 'tracks_failed = 8', 'tracks_failed'],
    ['tracks_skipped', 'tracks_skipped = 1', 'tracks_skipped'],
    ['tracks_partial', 'tracks_partial = 1', 'tracks_partial'],
    ['agent_profile_json', 'agent_profile_json = NULL', 'agent_profile_json'],
    ['triggered_by', "triggered_by = 'manual'", 'triggered_by'],
    ['dry_run', 'dry_run = true', 'dry_run'],
    ['triggered_org_id', 'triggered_org_id = NULL', 'triggered_org_id'],
    [
      'scenario',
      `observations_json = observations_json || '{"original_scenario": "x"}'`,
      'observations_json',
    ],
    ['user', `observations_json = observations_json - 'backfill_user_id'`, 'observations_json'],
    ['storyboards', `observations_json = observations_json - 'storyboards'`, 'storyboards'],
  ])('in %s is found by its name', async (_, change, field) => {
    const { projected } = await cleanWorld();
    await world().execute(`UPDATE ${RUNS} SET ${change} WHERE id = $1`, canonicalRunId(projected.id));
    const { findings } = await reconciled(world().pool);
    expect(findings).toMatchObject([{ kind: 'different', legacy_id: projected.id, fields: [field] }]);
  });

  test('of a row without a canonical row is found, too: the ledger missed a change', async () => {
    const { owner, stranger } = await cleanWorld();
    await world().execute(
      'UPDATE public.agent_test_history SET user_id = $2 WHERE id = $1',
      stranger.id,
      owner.user,
    );
    const { findings } = await reconciled(world().pool);
    expect(findings).toMatchObject([{ kind: 'different', legacy_id: stranger.id, fields: ['user_id'] }]);
  });
});
