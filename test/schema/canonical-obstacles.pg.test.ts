import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  assertTakesRuns,
  canonicalObstacles,
} from '../../consumers/agent-test-history/schema/requirements.ts';
import { openApplicationDatabase, type OpenDatabase } from '../support/migrated-database.ts';

/*
 * What the application may have made of its canonical table, in which no row of ours can be written at all. Each is made
 * and taken back on the application's own table.
 */
const RUNS = 'public.agent_compliance_runs';
let open: OpenDatabase;
beforeAll(async () => {
  open = await openApplicationDatabase();
});
afterAll(async () => {
  await open.close();
});

/** With the change, in a transaction that is rolled back. */
async function obstaclesWith(change: string): Promise<{ obstacles: string[]; refused: unknown }> {
  const client = await open.pool.connect();
  try {
    await client.query(`BEGIN; ${change}`);
    const obstacles = await canonicalObstacles(client);
    const refused = await assertTakesRuns(client).then(
      () => undefined,
      (error: unknown) => error,
    );
    return { obstacles, refused };
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

const WITHOUT_KEY = `ALTER TABLE ${RUNS} DROP CONSTRAINT agent_compliance_runs_pkey CASCADE`;

test.each([
  ['a rule on INSERT', `CREATE RULE mirrored AS ON INSERT TO ${RUNS} DO ALSO SELECT 1`, 'the rule mirrored'],
  ['a rule on UPDATE', `CREATE RULE kept AS ON UPDATE TO ${RUNS} DO INSTEAD NOTHING`, 'the rule kept'],
  ['no key', WITHOUT_KEY, 'no unique key'],
  [
    'a key that is deferrable',
    `${WITHOUT_KEY}; ALTER TABLE ${RUNS} ADD PRIMARY KEY (id) DEFERRABLE`,
    'no unique key',
  ],
  [
    'a key of two columns',
    `${WITHOUT_KEY}; ALTER TABLE ${RUNS} ADD PRIMARY KEY (id, tested_at)`,
    'no unique key',
  ],
  ['a partial key', `${WITHOUT_KEY}; CREATE UNIQUE INDEX ON ${RUNS} (id) WHERE dry_run`, 'no unique key'],
  [
    'a column of ours that is generated',
    `ALTER TABLE ${RUNS} DROP COLUMN triggered_org_id CASCADE;
     ALTER TABLE ${RUNS} ADD COLUMN triggered_org_id text GENERATED ALWAYS AS (agent_url) STORED`,
    'triggered_org_id',
  ],
  ['a column that must have a value', `ALTER TABLE ${RUNS} ADD COLUMN region text NOT NULL`, 'region'],
  [
    'a column of a domain that must have a value',
    `CREATE DOMAIN public.present AS text NOT NULL; ALTER TABLE ${RUNS} ADD COLUMN region public.present`,
    'region',
  ],
  [
    'a table that a crash empties',
    `ALTER TABLE public.agent_compliance_step_diagnostics DROP CONSTRAINT IF EXISTS agent_compliance_step_diagnostics_run_id_fkey;
     ALTER TABLE ${RUNS} SET UNLOGGED`,
    'UNLOGGED',
  ],
])('%s is refused by name, before anything is projected', async (_, change, named) => {
  const { obstacles, refused } = await obstaclesWith(change);
  expect(obstacles).toHaveLength(1);
  expect(obstacles[0]).toContain(named);
  expect(refused).toMatchObject({ code: 'DATABASE_UNFIT' });
});

test.each([
  ['nothing', 'SELECT 1'],
  [
    'more keys, constraints and columns',
    `
    ALTER TABLE ${RUNS} ADD COLUMN region text NOT NULL DEFAULT 'eu', ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY,
      ADD COLUMN long boolean GENERATED ALWAYS AS (total_duration_ms > 1000) STORED, ADD UNIQUE (headline) DEFERRABLE`,
  ],
  [
    'triggers',
    `
    CREATE FUNCTION public.seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER seen AFTER INSERT ON ${RUNS} REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.seen()`,
  ],
])('%s is no obstacle', async (_, change) => {
  expect(await obstaclesWith(change)).toEqual({ obstacles: [], refused: undefined });
});
