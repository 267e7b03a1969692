import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { createApplication, FEWEST_ROWS, generateHistory } from '../../demo/generate.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const plan = { rows: FEWEST_ROWS, seed: 3, organisations: 500, endsAt: new Date('2026-01-01T00:00:00Z') };

const opened: { readonly database: TestDatabase; readonly pool: Pool }[] = [];
let pool: Pool;

async function generated(seed: number): Promise<Pool> {
  const database = await freshDatabase();
  const generatedPool = createPool({ url: database.url, name: 'demo test', connections: 1 });
  opened.push({ database, pool: generatedPool });
  await createApplication(generatedPool);
  await generateHistory(generatedPool, { ...plan, seed });
  return generatedPool;
}

beforeAll(async () => {
  pool = await generated(plan.seed);
});

afterAll(async () => {
  for (const { database, pool: openPool } of opened) {
    await openPool.end();
    await database.drop();
  }
});

async function hashes(of: Pool): Promise<unknown> {
  const { rows } = await of.query(`
    SELECT subject, rows, hash FROM demo.fingerprint_now
    UNION ALL SELECT 'agent_test_history', count(*), md5(string_agg(md5(t::text), '' ORDER BY id)) FROM agent_test_history t
    UNION ALL SELECT 'agent_contexts', count(*), md5(string_agg(md5(t::text), '' ORDER BY id)) FROM agent_contexts t
    ORDER BY subject`);
  return rows;
}

async function count(sql: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`SELECT count(*)::integer AS count ${sql}`);
  return rows[0]?.count ?? -1;
}

test('the same plan gives the same rows to the byte, another seed gives others', async () => {
  const first = await hashes(pool);
  expect(await hashes(await generated(plan.seed))).toEqual(first);
  expect(await hashes(await generated(plan.seed + 1))).not.toEqual(first);
});

const rows = 'FROM agent_test_history h JOIN agent_contexts c ON c.id = h.agent_context_id';
test.each([
  ['rows without a user', `${rows} WHERE user_id IS NULL`],
  ['rows with a blank user', `${rows} WHERE btrim(user_id) = ''`],
  [
    'rows of somebody who is no member of any organisation',
    `${rows} WHERE user_id > '' AND user_id NOT IN (SELECT workos_user_id FROM organization_memberships)`,
  ],
  [
    'rows of a member of another organisation',
    `${rows} WHERE user_id IN (SELECT workos_user_id FROM organization_memberships WHERE workos_organization_id <> c.organization_id)`,
  ],
  [
    'rows with a profile that is really stored out of line',
    `${rows} WHERE pg_column_toast_chunk_id(agent_profile_json) IS NOT NULL`,
  ],
  ['rows without summary', `${rows} WHERE summary IS NULL`],
  ['rows without duration', `${rows} WHERE total_duration_ms IS NULL`],
  ['rows without dry_run', `${rows} WHERE dry_run IS NULL`],
  ['rows whose profile is JSON null', `${rows} WHERE agent_profile_json = 'null'`],
  ['rows before the common era', `${rows} WHERE started_at < '0001-01-01'`],
  ['rows at no time', `${rows} WHERE NOT isfinite(started_at)`],
  [
    'contexts without rows',
    'FROM agent_contexts WHERE id NOT IN (SELECT agent_context_id FROM agent_test_history)',
  ],
  [
    'contexts in another spelling',
    "FROM agent_contexts WHERE agent_url <> lower(btrim(rtrim(agent_url, '/')))",
  ],
  [
    'two contexts of one agent',
    `FROM agent_contexts a JOIN agent_contexts b ON a.organization_id = b.organization_id AND b.agent_url = a.agent_url || '////'`,
  ],
  ['agents that are no array', "FROM member_profiles WHERE jsonb_typeof(agents) <> 'array'"],
  [
    'agents that are strings',
    `FROM member_profiles WHERE jsonb_path_exists(agents, 'strict $[*] ? (@.type() == "string")', '{}', true)`,
  ],
  [
    'urls that are no string',
    `FROM member_profiles WHERE jsonb_path_exists(agents, 'strict $[*].url ? (@.type() == "array")', '{}', true)`,
  ],
  [
    'organisations with several profiles',
    'FROM (SELECT FROM member_profiles GROUP BY workos_organization_id HAVING count(*) > 1) AS several',
  ],
  ['agents that opted out', 'FROM agent_registry_metadata WHERE compliance_opt_out'],
  [
    'rows that the script copied twice',
    "FROM (SELECT FROM agent_compliance_runs WHERE observations_json ? 'backfill_source_id' GROUP BY observations_json -> 'backfill_source_id' HAVING count(*) = 2) AS twice",
  ],
  [
    'live runs of owners',
    "FROM agent_compliance_runs WHERE triggered_by = 'owner_test' AND NOT dry_run AND coalesce(NOT observations_json ? 'backfill_source', true)",
  ],
])('there are %s', async (_, sql) => {
  expect(await count(sql)).toBeGreaterThan(0);
});

test('the script copied two rows of users who owned nothing', async () => {
  expect(
    await count(
      `FROM demo.script_row JOIN demo.expected USING (legacy_id) WHERE decisions = '{third_party}'`,
    ),
  ).toBe(2);
});

test('each hard case of the cutover window is there four times, at a time of its own', async () => {
  const { rows } = await pool.query<{ cases: number; starts: number; fewest: number }>(`
    SELECT count(DISTINCT hard_case)::integer AS cases, count(DISTINCT starts_at)::integer AS starts,
           (SELECT min(n)::integer FROM (SELECT count(DISTINCT k) AS n FROM demo.hard_run GROUP BY hard_case, part) AS counted) AS fewest
    FROM demo.hard_run`);
  expect(rows).toEqual([{ cases: 18, starts: 72, fewest: 4 }]);
});

test('live rows of the history are those of the last fourteen days', async () => {
  const live = `FROM demo.live_run JOIN agent_compliance_runs USING (id)`;
  expect(await count(`${live} WHERE agent_compliance_runs.tested_at < '2025-12-17 23:59:00+00'`)).toBe(0);
  expect(await count(`${live} WHERE legacy_id IS NOT NULL AND triggered_org_id IS NULL`)).toBeGreaterThan(20);
  expect(await count(`${live} WHERE legacy_id IS NOT NULL AND triggered_org_id IS NOT NULL`)).toBeGreaterThan(
    20,
  );
});

test('profiles have 0.5 to 4 kB, but for a few', async () => {
  const { rows: sizes } = await pool.query<{ size: number }>(
    'SELECT length(agent_profile_json::text) AS size FROM agent_test_history WHERE length(agent_profile_json::text) > 4 ORDER BY 1',
  );
  const usual = sizes.filter(({ size }) => size <= 4_096);
  expect(usual[0]?.size).toBeGreaterThan(500);
  expect(usual.length / sizes.length).toBeGreaterThan(0.98);
  expect(sizes.at(-1)?.size).toBeGreaterThan(20_000);
});

test('the application script can be run again', async () => {
  const before = await hashes(pool);
  await createApplication(pool);
  expect(await hashes(pool)).toEqual(before);
});
