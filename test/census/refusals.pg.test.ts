import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPool } from '../../lib/postgres.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { aRow, inserted, type RowValues } from '../support/records.ts';
import { asRecords, MATCHING, runRecords } from '../support/run-records.ts';
import { Tables, type Owner } from '../support/tables.ts';
import { census, differences, urlOf } from './census.ts';

let open: OpenDatabase;
let tables: Tables;
let owner: Owner;

beforeEach(async () => {
  open = await openMigratedDatabase();
  tables = new Tables(open.pool);
  owner = await tables.owner();
});

afterEach(async () => {
  await open.close();
});

function rowOf(values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

/** Takes the rows through the projector, all in one batch, and gives what it decided. */
async function decided(rows: readonly RowValues[]): Promise<Record<string, string>> {
  const { pool } = open;
  await runRecords({
    context: { canonical: pool, legacy: pool, optOutPolicy: 'respect', matching: MATCHING },
    records: asRecords(rows.map(inserted), 0n),
    mode: { kind: 'replay' },
    rows: 1000,
  });
  const { rows: entries } = await pool.query<{ legacy_id: string; decision: string }>(
    'SELECT legacy_id, decision FROM history_cdc.ledger',
  );
  return Object.fromEntries(entries.map(({ legacy_id, decision }) => [legacy_id, decision]));
}

/** What the census says of rows in the table; and that the run then decides so. */
async function predicted(rows: readonly RowValues[]) {
  for (const row of rows) await tables.legacyRow(row);
  const before = await census(await urlOf(open.pool));
  const decisions = [...before.predictions].map(([id, { decision }]) => [id, decision]);
  expect(await decided(rows)).toEqual(Object.fromEntries(decisions));
  expect(await differences(open.pool), 'the comparison agrees').toEqual({});
  expect(
    (await census(await urlOf(open.pool), { chunkRows: 100 })).figures,
    'and what was decided reaches no census',
  ).toEqual(before.figures);
  return before.figures;
}

const CONSTRAINTS = `
  CREATE TABLE organizations (tenant text DEFAULT 'one', id text, PRIMARY KEY (tenant, id));
  ALTER TABLE agent_compliance_runs
    ALTER COLUMN headline SET NOT NULL,
    ALTER COLUMN headline TYPE varchar(40),
    ALTER COLUMN tracks_failed TYPE smallint,
    ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN serial serial,
    ADD COLUMN note text NOT NULL DEFAULT 'none',
    ADD COLUMN words integer GENERATED ALWAYS AS (cardinality(string_to_array(headline, ' '))) STORED,
    ADD COLUMN tenant text NOT NULL DEFAULT 'one',
    ADD CONSTRAINT few_words CHECK (words < 6),
    ADD CONSTRAINT "Passed, at all" CHECK (tracks_passed >= 0),
    ADD CONSTRAINT plausible_sum CHECK (tracks_passed + tracks_failed < 1000000),
    ADD CONSTRAINT allowed_scenario CHECK (observations_json ->> 'original_scenario' <> 'forbidden'),
    ADD CONSTRAINT no_failing_storyboard CHECK (NOT observations_json @? '$.storyboards[*] ? (@.status == "failing")'),
    ADD CONSTRAINT profile_is_object CHECK (jsonb_typeof(agent_profile_json) = 'object'),
    ADD CONSTRAINT known_organization FOREIGN KEY (tenant, triggered_org_id) REFERENCES organizations (tenant, id)
      DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT ends CHECK (tested_at < 'infinity')`;

test('what the application’s own constraints refuse is predicted, by name, and the run then quarantines just that', async () => {
  const stranger = await tables.owner();
  await open.pool.query(CONSTRAINTS);
  await open.pool.query('INSERT INTO organizations (id) VALUES ($1)', [owner.organization]);
  const live = { agent_url: owner.url, headline: 'recorded', tested_at: '2026-03-04T05:06:06Z' };
  await tables.live({ ...live, triggered_org_id: owner.organization });
  const steps = (passed: boolean) => JSON.stringify([{ scenario: 'story/phase', passed }]);
  const refused: Record<string, RowValues[]> = {
    'headline (SQLSTATE 23502)': [rowOf({ summary: null })],
    'headline (SQLSTATE 22001)': [rowOf({ summary: 'x'.repeat(41) }), rowOf({ summary: 'ü'.repeat(50) })],
    'few_words (SQLSTATE 23514)': [rowOf({ summary: 'one two three four five six' })],
    'Passed, at all (SQLSTATE 23514)': [rowOf({ steps_passed: -1 })],
    'plausible_sum (SQLSTATE 23514)': [rowOf({ steps_passed: 1_000_000 })],
    'a value (SQLSTATE 22003)': [
      rowOf({ steps_failed: 40_000 }),
      rowOf({ steps_passed: 2_147_483_647, steps_failed: 1 }),
    ],
    'allowed_scenario (SQLSTATE 23514)': [
      rowOf({ scenario: 'forbidden', summary: 'nobody recorded it' }),
      rowOf({ scenario: 'forbidden', started_at: '2021-01-01T00:00:00Z' }),
    ],
    'no_failing_storyboard (SQLSTATE 23514)': [rowOf({ steps_json: steps(false) })],
    'profile_is_object (SQLSTATE 23514)': [rowOf({ agent_profile_json: '[]' })],
    'known_organization (SQLSTATE 23503)': [
      rowOf({ agent_context_id: stranger.context, user_id: stranger.user }),
    ],
    'ends (SQLSTATE 23514)': [rowOf({ started_at: 'infinity' })],
  };
  const taken = [
    rowOf(),
    rowOf({ summary: '' }),
    rowOf({ summary: `${'x'.repeat(40)}   ` }),
    rowOf({ summary: 'ü'.repeat(40) }),
    rowOf({ steps_json: steps(true) }),
    rowOf({ steps_passed: 999_990, steps_failed: 9 }),
    rowOf({ agent_profile_json: null }),
    // Nothing is written for these, so nothing is refused.
    rowOf({ user_id: 'user_stranger', summary: null }),
    rowOf({ user_id: null, steps_passed: -1 }),
    rowOf({ scenario: 'forbidden', summary: 'recorded' }),
  ];
  const { quarantined, decisions, trial } = await predicted([...taken, ...Object.values(refused).flat()]);
  expect(
    Object.fromEntries(Object.entries(quarantined).map(([why, { ids }]) => [why, ids.toSorted()])),
  ).toEqual(
    Object.fromEntries(
      Object.entries(refused).map(([why, rows]) => [
        `rejected_by_postgres: ${why}`,
        rows.map(({ id }) => id).toSorted(),
      ]),
    ),
  );
  expect(decisions).toMatchObject({ projected: 7, twin: 1, third_party: 1, anonymous: 1, quarantined: 14 });
  expect(trial.notTried).toEqual([]);
  expect(trial.constraints.toSorted()).toEqual([
    'Passed, at all',
    'allowed_scenario',
    'ends',
    'headline NOT NULL',
    'headline character varying(40)',
    'known_organization',
    'no_failing_storyboard',
    'plausible_sum',
    'profile_is_object',
    'tracks_failed smallint',
    'words GENERATED',
  ]);
});

test('a census takes no number of the application’s sequences, and leaves no row', async () => {
  await open.pool.query(
    'ALTER TABLE agent_compliance_runs ADD COLUMN serial serial, ADD CHECK (tracks_passed > 0)',
  );
  const state = async () => {
    const { rows } = await open.pool.query<object>(
      'SELECT last_value, is_called, (SELECT count(*) FROM agent_compliance_runs) FROM agent_compliance_runs_serial_seq',
    );
    return rows;
  };
  const before = await state();
  await tables.legacyRow(rowOf());
  const { figures } = await census(await urlOf(open.pool));
  expect(figures.decisions.projected).toBe(1);
  expect(figures.trial.notTried).toEqual([]);
  expect(await state()).toEqual(before);
});

test('a constraint on nothing but the verdict is found by one row of each, wherever in the table they are', async () => {
  await open.pool.query(
    "ALTER TABLE agent_compliance_runs ADD CONSTRAINT good CHECK (overall_status = 'passing' OR dry_run)",
  );
  const rows = Array.from({ length: 12 }, (_, n) =>
    rowOf({ overall_passed: n % 3 > 0, dry_run: n % 2 === 0 }),
  );
  const { quarantined, trial } = await predicted(rows);
  expect(quarantined['rejected_by_postgres: good (SQLSTATE 23514)']?.ids.toSorted()).toEqual(
    rows
      .filter(({ overall_passed, dry_run }) => !overall_passed && dry_run === false)
      .map(({ id }) => id)
      .toSorted(),
  );
  expect(trial.constraints).toEqual([]);
});

test('what cannot be tried is named, and the rest of the census is told', async () => {
  const role = `census_${randomUUID().replaceAll('-', '')}`;
  const superuser = createPool({ url: open.database.superuserUrl, name: 'census test', connections: 1 });
  await superuser.query(`CREATE ROLE ${role} LOGIN PASSWORD 'census'`);
  await open.pool.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
  const address = new URL(await urlOf(open.pool));
  [address.username, address.password] = [role, 'census'];
  try {
    await open.pool.query(`
      CREATE FUNCTION broken(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM FROM nowhere; RETURN true; END $$;
      CREATE TABLE stages (stage text PRIMARY KEY);
      ALTER TABLE agent_compliance_runs ADD CONSTRAINT staged FOREIGN KEY (lifecycle_stage) REFERENCES stages (stage)`);
    await tables.legacyRow(rowOf());
    const unreadable = await census(address.href);
    expect(unreadable.figures.trial.notTried).toEqual(['staged (SQLSTATE 42501)']);
    await open.pool.query(`GRANT SELECT ON stages TO ${role}`);
    expect((await census(address.href)).figures).toMatchObject({
      decisions: { quarantined: 1 },
      trial: { notTried: [] },
    });
    await open.pool.query('ALTER TABLE agent_compliance_runs ADD CHECK (broken(headline))');
    expect((await census(address.href)).figures.trial.notTried).toEqual(['a value (SQLSTATE 42P01)']);
    await open.pool.query(
      `REVOKE SELECT ON agent_compliance_runs FROM ${role}; GRANT SELECT (id, agent_url, headline, overall_status,
       total_duration_ms, tested_at, agent_profile_json, observations_json, triggered_by, triggered_org_id)
       ON agent_compliance_runs TO ${role}`,
    );
    expect((await census(address.href)).figures).toMatchObject({
      decisions: { projected: 1 },
      trial: { notTried: ['any constraint (SQLSTATE 42501)'] },
    });
  } finally {
    await superuser.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await superuser.end();
  }
});
