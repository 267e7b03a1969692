import { afterAll, beforeAll, expect, test } from 'vitest';
import { runChecks } from '../../demo/check.ts';
import { openProjectedDemo, PLACEHOLDER, type ProjectedDemo } from './projected-demo.ts';

let demo: ProjectedDemo;

beforeAll(async () => {
  demo = await openProjectedDemo();
});

afterAll(async () => {
  await demo.close();
});

test('all checks pass on what the projector made of history and stream', async () => {
  const checks = await runChecks(demo.pool, PLACEHOLDER);
  expect(checks.filter(({ passed }) => !passed)).toEqual([]);
  expect(checks).toHaveLength(33);
});

const anyProjected = `(SELECT canonical_run_id FROM history_cdc.ledger WHERE decision = 'projected' AND source_deleted_at IS NULL
   AND legacy_id IN (SELECT legacy_id FROM demo.expected WHERE story IS NULL) ORDER BY legacy_id LIMIT 1)`;
const anyStranger = `(SELECT legacy_id FROM history_cdc.ledger WHERE decision = 'third_party' AND source_deleted_at IS NULL ORDER BY legacy_id LIMIT 1)`;
const runColumns = `agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_passed, tracks_failed,
   agent_profile_json, triggered_by, dry_run, triggered_org_id`;

test.each([
  {
    what: 'a canonical row is lost',
    breakage: `DELETE FROM agent_compliance_runs WHERE id = ${anyProjected}`,
    red: ['projected-content', 'lost'],
  },
  {
    what: 'a canonical row is doubled',
    breakage: `INSERT INTO agent_compliance_runs (${runColumns}, observations_json) SELECT ${runColumns}, observations_json FROM agent_compliance_runs WHERE id = ${anyProjected}`,
    red: ['projected-content', 'doubled', 'linked-one-to-one'],
  },
  {
    what: 'a copy of the script is projected again',
    breakage: `INSERT INTO agent_compliance_runs (${runColumns}, observations_json)
      SELECT ${runColumns}, observations_json || '{"backfill_script": "history-cdc"}' FROM agent_compliance_runs
      WHERE id = (SELECT canonical_run_id FROM history_cdc.ledger WHERE decision = 'adopted' ORDER BY legacy_id LIMIT 1)`,
    red: ['doubled', 'elevated', 'linked-one-to-one'],
  },
  {
    what: 'a stranger is elevated',
    breakage: `INSERT INTO agent_compliance_runs (${runColumns}, observations_json)
      SELECT ${runColumns}, observations_json || jsonb_build_object('backfill_source_id', ${anyStranger}) FROM agent_compliance_runs WHERE id = ${anyProjected}`,
    red: ['elevated', 'linked-one-to-one'],
  },
  ...[
    `headline = 'another'`,
    `tested_at = tested_at + interval '1 microsecond'`,
    `dry_run = NOT dry_run`,
    `lifecycle_stage = lifecycle_stage || '!'`,
    `triggered_org_id = NULL`,
    `tracks_json = '[{}]'`,
    `tracks_passed = tracks_passed + 1`,
    `observations_json = observations_json || '{"original_scenario": "other"}'`,
    `observations_json = observations_json || '{"more": 1}'`,
  ].map((change) => ({
    what: `a field differs: ${change}`,
    breakage: `UPDATE agent_compliance_runs SET ${change} WHERE id = ${anyProjected}`,
    red: ['projected-content'],
  })),
  {
    what: 'a number in the profile is the same and written otherwise',
    breakage: `UPDATE agent_compliance_runs SET agent_profile_json = jsonb_set(agent_profile_json, '{floor_price}', '1.00')
      WHERE id = (SELECT canonical_run_id FROM demo.judged JOIN agent_compliance_runs r ON r.id = canonical_run_id
                  WHERE decision = 'projected' AND story IS NULL AND r.agent_profile_json @> '{"floor_price": 1}' LIMIT 1)`,
    red: ['projected-content'],
  },
  {
    what: 'a row merged with its large profile holds the placeholder',
    breakage: `UPDATE agent_compliance_runs SET agent_profile_json = '"${PLACEHOLDER}"'
      WHERE id = (SELECT canonical_run_id FROM demo.judged WHERE large AND story LIKE 'merged%' AND decision = 'projected' AND NOT settled LIMIT 1)`,
    red: ['projected-content', 'merged-large', 'no-placeholder'],
  },
  {
    what: 'an owner decision is taken along to an agent that is not theirs',
    breakage: `UPDATE agent_compliance_runs SET agent_url = 'https://elsewhere.example'
      WHERE id = (SELECT canonical_run_id FROM demo.judged WHERE settled AND NOT large LIMIT 1)`,
    red: ['projected-content', 'kept-after-merge'],
  },
  {
    what: 'a decision is missing',
    breakage: `DELETE FROM history_cdc.ledger WHERE legacy_id = ${anyStranger}`,
    red: [
      'ledger-complete',
      'ledger-covers-table',
      'identity',
      'decisions-as-generated',
      'decisions-recomputed',
    ],
  },
  {
    what: 'a verdict on a storyboard is wrong',
    breakage: `UPDATE agent_compliance_runs SET observations_json = jsonb_set(observations_json, '{storyboards,0,status}', '"untested"')
      WHERE id = (SELECT id FROM agent_compliance_runs WHERE observations_json ? 'storyboards' ORDER BY id LIMIT 1)`,
    red: ['projected-content'],
  },
  {
    what: 'a decision is invented',
    breakage: `INSERT INTO history_cdc.ledger (legacy_id, decision, reason, rule_version, topic_id, partition, "offset", op, snapshot)
      VALUES (gen_random_uuid(), 'gone', 'invented', 1, gen_random_uuid(), 0, 0, 'd', false)`,
    red: ['ledger-invents-nothing', 'identity'],
  },
  {
    what: 'a decision is wrong',
    breakage: `UPDATE history_cdc.ledger SET decision = 'anonymous' WHERE legacy_id = ${anyStranger}`,
    red: ['decisions-as-generated', 'decisions-recomputed'],
  },
  {
    what: "a link goes to the script's second copy",
    breakage: `UPDATE history_cdc.ledger l SET canonical_run_id = s.canonical_run_id FROM history_cdc.script_copy s
      WHERE s.legacy_id = l.legacy_id AND s.canonical_run_id <> l.canonical_run_id
        AND l.legacy_id = (SELECT legacy_id FROM history_cdc.script_copy GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1)`,
    red: ['adopted-content'],
  },
  {
    what: 'a canonical id is not derived',
    breakage: `WITH other AS (SELECT gen_random_uuid() AS id), run AS (
        UPDATE agent_compliance_runs SET id = other.id FROM other WHERE agent_compliance_runs.id = ${anyProjected})
      UPDATE history_cdc.ledger SET canonical_run_id = other.id FROM other WHERE canonical_run_id = ${anyProjected}`,
    red: ['ids-derived'],
  },
  {
    what: 'a deleted row is not marked',
    breakage: `UPDATE history_cdc.ledger SET source_deleted_at = NULL WHERE legacy_id = (SELECT id FROM demo.deleted_row LIMIT 1)`,
    red: ['deleted-kept'],
  },
  {
    what: 'a living row is marked as deleted',
    breakage: `UPDATE history_cdc.ledger SET source_deleted_at = now() WHERE legacy_id = ${anyStranger}`,
    red: ['living-unmarked'],
  },
  {
    what: 'a straggler is called history',
    breakage: `UPDATE history_cdc.ledger SET reason = 'history' WHERE legacy_id = (SELECT legacy_id FROM history_cdc.ledger WHERE reason = 'straggler' ORDER BY legacy_id LIMIT 1)`,
    red: ['stragglers-named'],
  },
  {
    what: 'a run of the history is called a straggler',
    breakage: `UPDATE history_cdc.ledger SET reason = 'straggler' WHERE legacy_id = (SELECT legacy_id FROM history_cdc.ledger WHERE reason = 'history' ORDER BY legacy_id LIMIT 1)`,
    red: ['stragglers-named'],
  },
  {
    what: 'a record is in quarantine',
    breakage: `INSERT INTO history_cdc.quarantine (topic_id, partition, "offset", reason, detail) VALUES (gen_random_uuid(), 0, 0, 'x', 'x')`,
    red: ['quarantine-empty'],
  },
  {
    what: "a bystander's row changes",
    breakage: `UPDATE agent_compliance_runs SET headline = 'touched' WHERE id = (SELECT id FROM agent_compliance_runs WHERE triggered_by = 'heartbeat' AND headline LIKE 'Live run%' LIMIT 1)`,
    red: ['untouched: canonical rows of others'],
  },
  ...[
    'agent_compliance_status',
    'agent_compliance_step_diagnostics',
    'agent_registry_metadata',
    'member_profiles',
    'organization_memberships',
  ].map((table) => ({
    what: `a row of ${table} changes`,
    breakage: `UPDATE ${table} SET ${table.endsWith('diagnostics') ? 'created_at' : 'updated_at'} = '2001-01-01' WHERE ctid = (SELECT min(ctid) FROM ${table})`,
    red: [`untouched: ${table}`],
  })),
])('$what: $red', async ({ breakage, red }) => {
  expect(await demo.failingAfter(breakage)).toEqual(red);
});

test('a check that looked at nothing has not passed', async () => {
  const red = await demo.failingAfter('DELETE FROM agent_compliance_status');
  expect(red).toEqual(['untouched: agent_compliance_status']);
  expect(await demo.failingAfter("UPDATE demo.expected SET story = NULL WHERE story LIKE 'merged%'")).toEqual(
    ['merged-large'],
  );
});
