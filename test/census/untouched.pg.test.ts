import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withReadOnlySession } from '../../operations/census/read-only-session.ts';
import { createTemporarySchema } from '../../operations/census/temporary-schema.ts';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import type { Client } from '../../lib/postgres.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { openApplicationDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { census } from './census.ts';
import { until } from '../support/until.ts';

let open: OpenDatabase;
const context = randomUUID();

beforeAll(async () => {
  open = await openApplicationDatabase();
  const { pool } = open;
  await pool.query(
    "INSERT INTO agent_contexts (id, organization_id, agent_url) VALUES ($1, 'org', 'https://a.example')",
    [context],
  );
  await pool.query(`INSERT INTO member_profiles (workos_organization_id, display_name, slug, agents)
                    VALUES ('org', 'Org', 'org', '[{"url": "https://a.example"}]')`);
  await pool.query(`INSERT INTO organization_memberships (workos_user_id, workos_organization_id, email)
                    VALUES ('owner', 'org', 'owner@a.example')`);
});

afterAll(async () => {
  await open.close();
});

async function add(values: Readonly<Record<string, unknown>>): Promise<string> {
  const id = randomUUID();
  const row = {
    id,
    agent_context_id: context,
    scenario: 'quality_evaluation',
    overall_passed: true,
    steps_passed: 1,
    steps_failed: 0,
    user_id: 'owner',
    started_at: '2026-01-01T00:00:00Z',
    ...values,
  };
  const columns = Object.keys(row);
  await open.pool.query(
    `INSERT INTO agent_test_history (${columns.join(', ')}) VALUES (${columns.map((_, n) => `$${String(n + 1)}`).join(', ')})`,
    Object.values(row),
  );
  return id;
}

async function cli(...args: string[]) {
  const { url } = open.database;
  return await runInProcess(['census', ...args], {
    DATABASE_URL: url,
    LEGACY_DATABASE_URL: url,
    CANONICAL_RETENTION_DAYS: '30',
  });
}

test('the sessions of a census can write nothing but temporary tables', async () => {
  await withReadOnlySession(open.pool, createTemporarySchema, async (client) => {
    await expect(client.query("UPDATE agent_contexts SET agent_url = ''")).rejects.toMatchObject({
      code: '25006',
    });
    await expect(client.query('CREATE TABLE public.mine ()')).rejects.toMatchObject({ code: '25006' });
    await client.query('INSERT INTO pg_temp.script_copy VALUES (gen_random_uuid(), gen_random_uuid())');
  });
  await until('those are gone with the session, a moment after its client', async () => {
    const { rows } = await open.pool.query("SELECT FROM pg_class WHERE relname = 'script_copy'");
    return rows.length === 0;
  });
});

test('before `migrate`, the command counts every row, with sizes and what retention will take', async () => {
  const large = await add({
    steps_json: JSON.stringify({ log: randomText(3_000_000) }),
    started_at: new Date().toISOString(),
  });
  await add({ user_id: null });
  await add({ user_id: 'stranger' });
  await add({ agent_profile_json: JSON.stringify(randomText(9_000)) });
  const { code, stdout } = await cli('--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    legacyRows: 4,
    decisions: { projected: 2, third_party: 1, anonymous: 1, gone: 0, quarantined: 0 },
    decisionsSum: 4,
    projectedBeyondRetention: 1,
    size: { rowsOutOfLine: 2, largestRow: { legacyId: large, measured: 'message' } },
    dualWriteWindow: { firstLiveRow: null, legacyRowsInside: 0 },
    constraints: { triedRowByRow: [], notTried: [] },
  });
  const { rows } = await open.pool.query("SELECT FROM pg_namespace WHERE nspname LIKE 'history_cdc%'");
  expect(rows).toEqual([]);
  const { code: good, stdout: table } = await cli();
  expect(good).toBe(0);
  expect(table).toMatch(/^projected +2 +history 2 *$/m);
  expect(table).toMatch(/^legacy rows +4/m);
  const { figures } = await census(open.database.url, { messageBytes: 1_000_000 });
  expect(figures.size.tooLarge).toEqual({ count: 1, ids: [large] });
});

test('an answer that is longer than a pipe takes at once reaches whoever reads it whole', async () => {
  await open.pool.query(
    `INSERT INTO agent_test_history (agent_context_id, scenario, overall_passed, steps_passed, steps_failed, dry_run, total_duration_ms)
     SELECT $1, 'quality_evaluation', true, 1, 0, NULL, 0 FROM generate_series(1, 6000)`,
    [context],
  );
  const { stdout } = await cli('--json');
  expect(stdout.length).toBeGreaterThan(500_000);
  expect(JSON.parse(stdout)).toMatchObject({ oddValues: { null_dry_run: { count: 6000 } } });
  await open.pool.query('DELETE FROM agent_test_history WHERE dry_run IS NULL');
});

test('a NULL where the application writes none will be quarantined, and the census says why', async () => {
  await open.pool.query('ALTER TABLE agent_test_history ALTER COLUMN overall_passed DROP NOT NULL');
  const bad = await add({ overall_passed: null });
  const { figures } = await census(open.database.url);
  expect(figures.quarantined).toEqual({
    'unmappable: overall_passed is not a boolean': { count: 1, ids: [bad] },
  });
  expect(figures.decisions.quarantined).toBe(1);
});

test('the rule in the temporary schema is that of the migrated one', async () => {
  await migrate(open.pool, undefined);
  const functions = async (client: Client, schema: string) => {
    const { rows } = await client.query<{ name: string; definition: string }>(
      `SELECT p.oid::regprocedure::text AS name, pg_get_functiondef(p.oid) AS definition
       FROM pg_proc p WHERE p.pronamespace = ${schema} ORDER BY p.proname`,
    );
    return new Map(rows.map(({ name, definition }) => [plain(name), plain(definition)]));
  };
  const ours = await functions(open.pool, `'history_cdc'::regnamespace`);
  const temporary = await withReadOnlySession(open.pool, createTemporarySchema, (client) =>
    functions(client, 'pg_my_temp_schema()'),
  );
  expect(temporary.size).toBeGreaterThan(4);
  for (const [name, definition] of temporary) expect(definition, name).toBe(ours.get(name));
});

test('before the first decision there is nothing to compare with, and no list of all rows', async () => {
  const { code, stdout } = await cli('--compare');
  expect(code).toBe(1);
  expect(stdout).toContain('the ledger has no decision yet');
  expect(stdout).not.toContain('never_seen');
});

/** A type of the temporary schema is shown without its schema. */
function plain(text: string): string {
  return text
    .replaceAll(/\bpg_temp(_\d+)?\./g, 'history_cdc.')
    .replaceAll(/(?<![.\w])own_run\[\]/g, 'history_cdc.own_run[]');
}

/** Text that no compression makes small. */
function randomText(length: number): string {
  return Array.from({ length: Math.ceil(length / 36) }, () => randomUUID()).join('');
}
