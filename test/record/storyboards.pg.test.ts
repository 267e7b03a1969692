import { describe, expect, test } from 'vitest';
import { aRow, inserted, snapshotOf, updated, type RowValues } from '../support/records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const PHASES = '[{"scenario": "a/1", "passed": true}, {"scenario": "b/1", "steps": [{"passed": false}]}]';
const VERDICTS = [
  { storyboard_id: 'a', status: 'passing', steps_passed: 1, steps_total: 1 },
  { storyboard_id: 'b', status: 'failing', steps_passed: 0, steps_total: 1 },
];
const OTHER_PHASES = '{"tracks": [{"scenarios": [{"scenario": "a/1", "overall_passed": false}]}]}';
const OTHER_VERDICTS = [{ storyboard_id: 'a', status: 'failing', steps_passed: 0, steps_total: 1 }];
/** Each as it may stand in the legacy table where no storyboard was run. */
const WITHOUT = [null, 'null', '[]', '[{"step": 1}]', '[{"scenario": "quality_evaluation", "passed": true}]'];

const rowOf = ({ context, user }: Owner, values: Partial<RowValues> = {}) =>
  aRow({ agent_context_id: context, user_id: user, steps_json: PHASES, ...values });

async function observations(legacyId: string): Promise<unknown> {
  return (await world().run(legacyId))?.['observations_json'];
}

async function hashOf(legacyId: string): Promise<unknown> {
  return (await world().ledger(legacyId))?.['content_hash'];
}

const observed = (row: RowValues, { user, organization }: Owner) => ({
  backfill_source: 'agent_test_history',
  backfill_source_id: row.id,
  backfill_script: 'history-cdc',
  original_scenario: row.scenario,
  backfill_user_id: user,
  backfill_org_id: organization,
});

describe('the verdicts on the storyboards of a row', () => {
  test('stand in its canonical row, beside where it comes from', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().project([snapshotOf(row)]);
    expect(await observations(row.id)).toEqual({ ...observed(row, owner), storyboards: VERDICTS });
  });

  test.each(WITHOUT)('are not there, not even as a key, where steps_json is %j', async (steps_json) => {
    const owner = await world().owner();
    const row = rowOf(owner, { steps_json });
    await world().project([inserted(row)]);
    expect(await observations(row.id)).toEqual(observed(row, owner));
  });

  test('with an id that Postgres cannot hold are parked, and nothing else is', async () => {
    const owner = await world().owner();
    const refused = rowOf(owner, { steps_json: '[{"scenario": "\\u0000/1", "passed": true}]' });
    const row = rowOf(owner);
    await world().project([inserted(refused), inserted(row)]);
    expect(await world().ledger(refused.id)).toMatchObject({
      decision: 'quarantined',
      reason: 'rejected_by_postgres',
    });
    expect(await observations(row.id)).toMatchObject({ storyboards: VERDICTS });
  });
});

describe('an update', () => {
  test('replaces the verdicts', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().project([inserted(row), updated({ ...row, steps_json: OTHER_PHASES })]);
    expect(await observations(row.id)).toEqual({ ...observed(row, owner), storyboards: OTHER_VERDICTS });
  });

  test('brings verdicts to a row that had none', async () => {
    const owner = await world().owner();
    const row = rowOf(owner, { steps_json: null });
    await world().project([inserted(row), updated({ ...row, steps_json: PHASES })]);
    expect(await observations(row.id)).toEqual({ ...observed(row, owner), storyboards: VERDICTS });
  });

  test.each(WITHOUT)('whose steps_json is %j removes them', async (steps_json) => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().project([inserted(row), updated({ ...row, steps_json })]);
    expect(await observations(row.id)).toEqual(observed(row, owner));
  });

  test('that leaves steps_json out keeps them, and is counted', async () => {
    const owner = await world().owner();
    const [row, without] = [rowOf(owner), rowOf(owner, { steps_json: null })];
    await world().project([inserted(row), inserted(without)]);
    const { leftOut } = await world().project([
      updated({ ...row, scenario: 'other' }, 'steps_json'),
      updated(without, 'steps_json'),
    ]);
    expect(leftOut).toEqual({ stepsJson: 2 });
    expect(await observations(row.id)).toEqual({
      ...observed({ ...row, scenario: 'other' }, owner),
      storyboards: VERDICTS,
    });
    expect(await observations(without.id)).toEqual(observed(without, owner));
  });

  test.each([
    { what: 'leaves steps_json out takes them along', leftOut: ['steps_json'], expected: VERDICTS },
    { what: 'has others takes those', leftOut: [], expected: OTHER_VERDICTS },
  ] as const)('that moves the row to another agent and $what', async ({ leftOut, expected }) => {
    const owner = await world().owner();
    const second = await world().owner();
    await world().member(owner.user, second.organization);
    const row = rowOf(owner);
    await world().project([inserted(row)]);
    const moved = { ...row, agent_context_id: second.context, steps_json: OTHER_PHASES };
    await world().project([updated(moved, ...leftOut)]);
    expect(await observations(row.id)).toEqual({
      ...observed(row, { ...second, user: owner.user }),
      storyboards: expected,
    });
  });

  test('that leaves steps_json out of a row without a canonical row takes it from the legacy table', async () => {
    const owner = await world().owner();
    const strange = await world().owner();
    const row = rowOf(owner);
    await world().legacyRow(row);
    await world().project([inserted({ ...row, agent_context_id: strange.context })]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'third_party' });
    await world().project([updated(row, 'steps_json')]);
    expect(await observations(row.id)).toEqual({ ...observed(row, owner), storyboards: VERDICTS });
  });

  test('that leaves other values out keeps its own verdicts, though the table is ahead', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().legacyRow({ ...row, steps_json: OTHER_PHASES });
    await world().project([updated(row, 'summary')]);
    expect(await observations(row.id)).toMatchObject({ storyboards: VERDICTS });
  });
});

test('the script’s copy is linked without the verdicts: it is never rewritten', async () => {
  const owner = await world().owner();
  const row = rowOf(owner);
  await world().legacyRow(row);
  await world().scriptCopy(row.id);
  await world().project([inserted(row), updated({ ...row, steps_json: OTHER_PHASES })]);
  const hash = await hashOf(row.id);
  await world().project([updated(row)]);
  const whole = await hashOf(row.id);
  await world().project([updated(row, 'steps_json')]);
  expect(await observations(row.id)).not.toHaveProperty('storyboards');
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'adopted', content_hash: whole });
  expect(hash).not.toEqual(whole);
});

describe('the content hash', () => {
  const FIRST_HASH = `
    SELECT history_cdc.content_hash($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)::text AS hash`;

  test.each(WITHOUT)(
    'of a row without verdicts is what it was before they were read: steps_json %j',
    async (steps_json) => {
      const row = rowOf(await world().owner(), { steps_json });
      await world().project([inserted(row)]);
      const { rows } = await world().pool.query<{ hash: string }>(FIRST_HASH, [
        row.agent_context_id,
        row.scenario,
        row.overall_passed,
        row.steps_passed,
        row.steps_failed,
        row.total_duration_ms,
        row.summary,
        row.dry_run,
        row.user_id,
        row.agent_profile_json,
        row.started_at,
      ]);
      expect(await hashOf(row.id)).toBe(rows[0]?.hash);
    },
  );

  test('differs with the verdicts, and with nothing else of steps_json', async () => {
    const owner = await world().owner();
    const spaced = PHASES.replaceAll('"passed"', '"note": 1, "passed"');
    const rows = [null, PHASES, spaced, OTHER_PHASES].map((steps_json) => rowOf(owner, { steps_json }));
    await world().project(rows.map(inserted));
    const [none, verdicts, same, others] = await Promise.all(rows.map(({ id }) => hashOf(id)));
    expect(same).toEqual(verdicts);
    expect(new Set([none, verdicts, others]).size).toBe(3);
  });

  test('of an update that leaves steps_json out is that of the whole row', async () => {
    const row = rowOf(await world().owner());
    await world().project([inserted(row)]);
    await world().project([updated({ ...row, steps_failed: 41 }, 'steps_json')]);
    const partial = await hashOf(row.id);
    await world().project([updated({ ...row, steps_failed: 41 })]);
    expect(await hashOf(row.id)).toEqual(partial);
  });
});
