import { afterEach, describe, expect, test } from 'vitest';
import {
  assertMigrated,
  migrate,
  readMigrations,
} from '../../consumers/agent-test-history/schema/migrate.ts';
import {
  assertFit,
  CANONICAL_TABLES,
  LEGACY_TABLES,
} from '../../consumers/agent-test-history/schema/requirements.ts';
import type { Pool } from '../../lib/postgres.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { freshDatabase } from '../support/database.ts';
import { everything } from '../support/fingerprint.ts';
import { openApplicationDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { BYSTANDERS } from '../support/table-rows.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function application(): Promise<OpenDatabase> {
  const open = await openApplicationDatabase();
  closing.push(() => open.close());
  return open;
}

const NAMES = readMigrations().map(({ name }) => name);

/** Every definition and right outside our schema, as text. */
const CATALOG = `
  SELECT 'class ' || n.nspname || '.' || c.relname AS name,
         concat_ws(' ', c.relkind, c.relowner, c.relacl, c.relnatts, c.relchecks, c.relhastriggers, c.reloptions,
                   c.relrowsecurity, c.relreplident) AS text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT IN ('history_cdc', 'pg_toast')
  UNION ALL
  SELECT 'attribute ' || n.nspname || '.' || c.relname || '.' || a.attname,
         concat_ws(' ', a.atttypid, a.attnotnull, a.attacl, a.attstorage, pg_get_expr(d.adbin, d.adrelid))
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE n.nspname NOT IN ('history_cdc', 'pg_toast')
  UNION ALL
  SELECT 'constraint ' || conname || ' ' || conrelid::regclass, pg_get_constraintdef(c.oid)
  FROM pg_constraint c WHERE c.connamespace::regnamespace::text <> 'history_cdc'
  UNION ALL
  SELECT 'proc ' || p.oid, concat_ws(' ', p.proname, md5(p.prosrc), p.proacl)
  FROM pg_proc p WHERE p.pronamespace::regnamespace::text <> 'history_cdc'
  UNION ALL
  SELECT 'type ' || t.oid, concat_ws(' ', t.typname, t.typacl)
  FROM pg_type t WHERE t.typnamespace::regnamespace::text NOT IN ('history_cdc', 'pg_toast')
  UNION ALL SELECT 'trigger ' || t.oid, pg_get_triggerdef(t.oid)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace::regnamespace::text <> 'history_cdc'
  UNION ALL SELECT 'namespace ' || nspname, nspacl::text FROM pg_namespace WHERE nspname <> 'history_cdc'
  UNION ALL SELECT 'extension ' || extname, extversion FROM pg_extension
  UNION ALL SELECT 'publication ' || pubname, '' FROM pg_publication
  UNION ALL SELECT 'event trigger ' || evtname, '' FROM pg_event_trigger
  UNION ALL SELECT 'default acl ' || oid, defaclacl::text FROM pg_default_acl
  UNION ALL SELECT 'setting ' || setdatabase || ' ' || setrole, setconfig::text FROM pg_db_role_setting`;

async function catalog(pool: Pool): Promise<Record<string, string | null>> {
  const { rows } = await pool.query<{ name: string; text: string | null }>(CATALOG);
  return Object.fromEntries(rows.map(({ name, text }) => [name, text]));
}

async function hasOurSchema(pool: Pool): Promise<boolean> {
  return (await pool.query("SELECT FROM pg_namespace WHERE nspname = 'history_cdc'")).rowCount === 1;
}

/** What a database is like that the first release has migrated and projected into. */
async function firstRelease(pool: Pool): Promise<void> {
  const [first] = readMigrations();
  if (first === undefined) throw new Error('there is no migration');
  await pool.query(`
    CREATE SCHEMA history_cdc;
    CREATE TABLE history_cdc.migration (
      version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`);
  await pool.query(first.sql);
  await pool.query('INSERT INTO history_cdc.migration (version, name, sha256) VALUES ($1, $2, $3)', [
    first.version,
    first.name,
    first.sha256,
  ]);
  await pool.query(`
    INSERT INTO history_cdc.ledger (legacy_id, decision, reason, canonical_run_id, rule_version, agent_context_id, user_id,
      organization_id, agent_url, lifecycle_stage, is_member, lists_agent, opted_out, topic_id, partition, "offset", op,
      snapshot, content_hash, started_at)
    SELECT gen_random_uuid(), d.decision, 'by the first release', CASE WHEN d.is_owner THEN gen_random_uuid() END, 1,
      gen_random_uuid(), 'user', 'org', 'https://agent.example', 'production', d.is_owner, true, false,
      gen_random_uuid(), 0, n, 'r', true, '\\x01', now()
    FROM (VALUES ('projected', true), ('third_party', false), ('gone', false)) AS d (decision, is_owner),
      generate_series(1, 3) AS n`);
}

const FIRST_COLUMNS = `
  SELECT legacy_id, decision, reason, canonical_run_id, rule_version, agent_context_id, user_id, is_member, topic_id,
    "offset", content_hash, started_at, decided_at
  FROM history_cdc.ledger ORDER BY legacy_id`;

const MANY_TABLES = `
  CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  DO $$ BEGIN
    FOR n IN 1..260 LOOP
      EXECUTE format('CREATE TABLE public.other_%s (id bigint PRIMARY KEY, body text)', n);
    END LOOP;
  END $$;
  CREATE TRIGGER noted BEFORE UPDATE ON public.agent_compliance_runs FOR EACH ROW EXECUTE FUNCTION public.note();
  ALTER TABLE public.member_profiles ADD COLUMN more text NOT NULL DEFAULT 'x'`;

describe('migrate', () => {
  test('on the application’s tables among 260 others creates our schema, and touches nothing outside it', async () => {
    const { pool } = await application();
    await pool.query(MANY_TABLES);
    const before = await catalog(pool);
    expect(Object.keys(before).length).toBeGreaterThan(260);
    expect((await migrate(pool, undefined)).map(({ name }) => name)).toEqual(NAMES);
    expect(await catalog(pool)).toEqual(before);
    await assertMigrated(pool);
  });

  test('a second time applies nothing, and loses nothing', async () => {
    const { pool } = await application();
    await migrate(pool, undefined);
    await pool.query(BYSTANDERS);
    const before = await everything(pool);
    expect(await migrate(pool, undefined)).toEqual([]);
    expect(await everything(pool)).toEqual(before);
  });

  test('over what the first release has projected keeps every decision, and lets none take part in matching', async () => {
    const { pool } = await application();
    await firstRelease(pool);
    const { rows: before } = await pool.query(FIRST_COLUMNS);
    expect(before).toHaveLength(9);
    expect((await migrate(pool, undefined)).map(({ name }) => name)).toEqual(NAMES.slice(1));
    expect((await pool.query(FIRST_COLUMNS)).rows).toEqual(before);
    const { rows: matchable } = await pool.query(
      'SELECT FROM history_cdc.ledger WHERE fingerprint IS NOT NULL OR profile_hash IS NOT NULL',
    );
    expect(matchable).toEqual([]);
    await assertMigrated(pool);
  });

  test('from four connections at once applies each migration once', async () => {
    const { pool } = await application();
    const applied = await Promise.all([0, 1, 2, 3].map(() => migrate(pool, undefined)));
    expect(applied.flat().map(({ name }) => name)).toEqual(NAMES);
    const { rows } = await pool.query<{ name: string }>(
      'SELECT name FROM history_cdc.migration ORDER BY version',
    );
    expect(rows.map(({ name }) => name)).toEqual(NAMES);
  });

  test('that fails half-way leaves nothing behind', async () => {
    const { pool } = await application();
    await pool.query('CREATE SCHEMA history_cdc; CREATE TABLE history_cdc.quarantine (strange int)');
    await expect(migrate(pool, undefined)).rejects.toThrow('already exists');
    const { rows } = await pool.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relnamespace = 'history_cdc'::regnamespace",
    );
    expect(rows).toEqual([{ name: 'quarantine' }]);
  });

  test('refuses a schema whose applied migration is not ours', async () => {
    const { pool } = await application();
    await migrate(pool, undefined);
    await pool.query("UPDATE history_cdc.migration SET sha256 = 'other'");
    const refusal = { code: 'DATABASE_UNFIT', message: expect.stringContaining('was changed') as unknown };
    await expect(migrate(pool, undefined)).rejects.toMatchObject(refusal);
    await expect(assertMigrated(pool)).rejects.toMatchObject(refusal);
  });

  test('refuses a schema of a later release', async () => {
    const { pool } = await application();
    await migrate(pool, undefined);
    await pool.query(
      "INSERT INTO history_cdc.migration (version, name, sha256) VALUES (9999, '9999-later.sql', 'x')",
    );
    const refusal = { code: 'DATABASE_UNFIT', message: expect.stringContaining('9999-later.sql') as unknown };
    await expect(migrate(pool, undefined)).rejects.toMatchObject(refusal);
    await expect(assertMigrated(pool)).rejects.toMatchObject(refusal);
  });

  test('refuses, by name, a role that is not there, and rolls everything back', async () => {
    const { pool } = await application();
    await expect(migrate(pool, 'no such "role"')).rejects.toMatchObject({
      code: 'DATABASE_UNFIT',
      message: expect.stringContaining('no such "role"') as unknown,
    });
    expect(await hasOurSchema(pool)).toBe(false);
  });

  test('says what a role lacks that may not create a schema', async () => {
    const { pool, database } = await application();
    await pool.query(`REVOKE CREATE ON DATABASE ${database.name} FROM app`);
    await expect(migrate(pool, undefined)).rejects.toMatchObject({
      code: 'DATABASE_UNFIT',
      wayOut: expect.stringContaining('CREATE') as unknown,
    });
  });
});

describe('a database before migrate', () => {
  test('is named as not migrated, with what it lacks', async () => {
    const { pool } = await application();
    await expect(assertMigrated(pool)).rejects.toMatchObject({
      code: 'SCHEMA_NOT_MIGRATED',
      message: expect.stringContaining(NAMES.join(', ')) as unknown,
    });
  });

  test('that has all tables and columns is fit; a view in the place of a table is refused', async () => {
    const { pool } = await application();
    await assertFit(pool, CANONICAL_TABLES, 'DATABASE_URL');
    await assertFit(pool, LEGACY_TABLES, 'LEGACY_DATABASE_URL');
    await pool.query(`
      ALTER TABLE public.agent_registry_metadata RENAME TO registry_table;
      CREATE VIEW public.agent_registry_metadata AS SELECT * FROM public.registry_table`);
    await expect(assertFit(pool, CANONICAL_TABLES, 'DATABASE_URL')).rejects.toMatchObject({
      code: 'ROWS_HIDDEN',
    });
    expect(await hasOurSchema(pool)).toBe(false);
  });

  test('that lacks tables and columns is refused with all of them at once', async () => {
    const { pool } = await application();
    await pool.query(`
      ALTER TABLE public.agent_compliance_runs DROP COLUMN headline, DROP COLUMN triggered_org_id;
      ALTER TABLE public.agent_contexts RENAME COLUMN agent_url TO url;
      DROP TABLE public.member_profiles;
      CREATE SCHEMA elsewhere;
      ALTER TABLE public.organization_memberships SET SCHEMA elsewhere`);
    await expect(assertFit(pool, CANONICAL_TABLES, 'DATABASE_URL')).rejects.toMatchObject({
      code: 'DATABASE_UNFIT',
      message: [
        'the database of DATABASE_URL lacks what is needed:',
        '  - column public.agent_contexts.agent_url',
        '  - table public.member_profiles',
        '  - table public.organization_memberships',
        '  - column public.agent_compliance_runs.headline',
        '  - column public.agent_compliance_runs.triggered_org_id',
      ].join('\n'),
    });
  });
});

describe('the command `migrate`', () => {
  test('migrates, and says what it applied; then that there is nothing to do', async () => {
    const { database, pool } = await application();
    const first = await runInProcess(['migrate', '--json'], { DATABASE_URL: database.url });
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(first.stdout)).toEqual({ applied: NAMES });
    const second = await runInProcess(['migrate'], { DATABASE_URL: database.url });
    expect(second).toMatchObject({ code: 0, stdout: 'history_cdc is up to date\n', stderr: '' });
    await assertMigrated(pool);
  });

  test('refuses an empty database with exit code 2, names every table, and changes nothing', async () => {
    const database = await freshDatabase();
    closing.push(() => database.drop());
    const ended = await runInProcess(['migrate'], { DATABASE_URL: database.url });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('error DATABASE_UNFIT');
    expect(ended.stderr).toContain('table public.agent_test_history');
    expect(ended.stderr).toContain('way out:');
  });
});
