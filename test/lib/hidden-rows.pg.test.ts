import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CANONICAL_READS, LEGACY_READS } from '../../consumers/agent-test-history/schema/requirements.ts';
import { createPool, inTransaction, type Pool } from '../../lib/postgres.ts';
import { assertSeesWhole, hiddenRows } from '../../lib/sees-whole.ts';
import { useProjectorRole } from '../support/projector-role.ts';
import { runInProcess } from '../support/run-in-process.ts';

const the = useProjectorRole();
const TABLES = [...CANONICAL_READS, ...LEGACY_READS];
const MEMBERSHIPS = 'public.organization_memberships';

let role: string;
let url: string;

/** A pool whose connections are opened after what a test has changed. */
async function withPool<T>(work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool({ url, name: 'test', connections: 1 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

const asOwner = async (sql: string) => {
  await the().open.pool.query(sql);
};
const memberships = async (pool: Pool) =>
  (await pool.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${MEMBERSHIPS}`)).rows[0]?.rows;
const seen = () =>
  withPool(async (pool) => {
    await assertSeesWhole(pool, TABLES, 'DATABASE_URL');
    return await memberships(pool);
  });

beforeAll(async () => {
  const { rows } = await the().projector.query<{ role: string }>('SELECT current_user::text AS role');
  role = rows[0]?.role ?? '';
  const address = new URL(the().open.database.url);
  address.username = role;
  address.password = 'secret';
  url = address.href;
  await asOwner(`INSERT INTO ${MEMBERSHIPS} (workos_user_id, workos_organization_id, email)
    SELECT 'user_' || n, 'org_' || n % 2, 'nobody' FROM generate_series(1, 10) n`).catch(async () => {
    await asOwner(`INSERT INTO ${MEMBERSHIPS} (workos_user_id, workos_organization_id)
      SELECT 'user_' || n, 'org_' || n % 2 FROM generate_series(1, 10) n`);
  });
});

afterEach(async () => {
  await the().open.pool.query(`
    DO $do$ DECLARE p record; BEGIN
      FOR p IN SELECT polname, polrelid::regclass AS place FROM pg_policy LOOP
        EXECUTE format('DROP POLICY %I ON %s', p.polname, p.place);
      END LOOP;
    END $do$;
    ALTER TABLE ${MEMBERSHIPS} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY`);
});

const enable = `ALTER TABLE ${MEMBERSHIPS} ENABLE ROW LEVEL SECURITY`;
const tenant = `${enable}; CREATE POLICY tenant ON ${MEMBERSHIPS} USING (workos_organization_id = 'org_1')`;

describe('row-level security', () => {
  test('of one tenant is refused by table and role, and a read raises instead of seeing less', async () => {
    await asOwner(tenant);
    await expect(seen()).rejects.toMatchObject({
      code: 'ROWS_HIDDEN',
      message: expect.stringMatching(new RegExp(`${MEMBERSHIPS}.*${role}`)) as unknown,
    });
    await expect(withPool(memberships)).rejects.toMatchObject({ code: '42501' });
  });

  test.each(['census', 'reconcile', 'redecide', 'sweep'])('stops %s before it reads', async (command) => {
    await asOwner(tenant);
    const environment = { DATABASE_URL: url, LEGACY_DATABASE_URL: url, KAFKA_BROKERS: '127.0.0.1:1' };
    await expect(runInProcess([command], environment)).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('error ROWS_HIDDEN') as unknown,
    });
  });

  test('without a policy hides every row from the role, which is refused as well', async () => {
    await asOwner(enable);
    await expect(seen()).rejects.toMatchObject({ code: 'ROWS_HIDDEN' });
  });

  test('with a policy that shows the role everything on purpose is no obstacle', async () => {
    await asOwner(`${tenant}; CREATE POLICY ours ON ${MEMBERSHIPS} FOR SELECT TO ${role} USING (true)`);
    expect(await seen()).toBe(10);
  });

  test.each([
    [
      'a restrictive policy narrows',
      'CREATE POLICY narrow ON $t AS RESTRICTIVE USING (workos_organization_id IS NOT NULL)',
    ],
    ['another role has', 'DROP POLICY ours ON $t; CREATE POLICY ours ON $t TO app USING (true)'],
    ['is for deletes only', 'DROP POLICY ours ON $t; CREATE POLICY ours ON $t FOR DELETE USING (true)'],
    ['is true for most rows', 'ALTER POLICY ours ON $t USING (true OR workos_user_id IS NULL)'],
  ])('with such a policy that %s is refused', async (_, sql) => {
    await asOwner(`${tenant}; CREATE POLICY ours ON ${MEMBERSHIPS} FOR SELECT TO ${role} USING (true)`);
    await asOwner(sql.replaceAll('$t', MEMBERSHIPS));
    await expect(seen()).rejects.toMatchObject({ code: 'ROWS_HIDDEN' });
  });

  test('does not apply to the owner, unless it is forced on it', async () => {
    await asOwner(tenant);
    const { pool } = the().open;
    expect(await hiddenRows(pool, TABLES)).toEqual([]);
    await asOwner(`ALTER TABLE ${MEMBERSHIPS} FORCE ROW LEVEL SECURITY`);
    expect(await hiddenRows(pool, TABLES)).toEqual([{ place: MEMBERSHIPS, role: 'app', why: 'policies' }]);
  });

  test('that changes under a connection is met before the transaction commits', async () => {
    await asOwner(`${tenant}; CREATE POLICY ours ON ${MEMBERSHIPS} FOR SELECT TO ${role} USING (true)`);
    await withPool(async (pool) => {
      expect(await memberships(pool)).toBe(10);
      await asOwner(`DROP POLICY ours ON ${MEMBERSHIPS}`);
      const work = inTransaction(pool, (client) => client.query(`SELECT FROM ${MEMBERSHIPS}`));
      await expect(work).rejects.toMatchObject({ code: 'ROWS_HIDDEN' });
    });
  });
});

test.each([
  ['a view', 'CREATE VIEW $t AS SELECT * FROM public.moved'],
  ['a materialized view', 'CREATE MATERIALIZED VIEW $t AS SELECT * FROM public.moved'],
  [
    'a partition',
    'CREATE TABLE public.root (LIKE public.moved) PARTITION BY LIST (lifecycle_stage); CREATE TABLE $t PARTITION OF public.root DEFAULT',
  ],
])('%s in the place of a table is refused', async (why, sql) => {
  const place = 'public.agent_registry_metadata';
  await inTransaction(the().open.pool, async (client) => {
    await client.query('ALTER TABLE public.agent_registry_metadata RENAME TO moved');
    await client.query(sql.replaceAll('$t', place));
    expect(await hiddenRows(client, TABLES)).toEqual([{ place, role: 'app', why }]);
    await client.query('ROLLBACK; BEGIN');
  });
});

test('a foreign table in the place of a table is refused', async () => {
  const { superuser } = the();
  await superuser.query('BEGIN');
  await superuser.query(`
    CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
    ALTER TABLE public.agent_contexts RENAME TO moved;
    CREATE FOREIGN TABLE public.agent_contexts (id uuid) SERVER nowhere`);
  const found = await hiddenRows(superuser, TABLES, { role });
  await superuser.query('ROLLBACK');
  expect(found).toEqual([{ place: 'public.agent_contexts', role, why: 'a foreign table' }]);
});
