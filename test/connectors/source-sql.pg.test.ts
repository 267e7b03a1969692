import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runSourceSql } from '../../connectors/deploy/run-sql.ts';
import { sourceSql, workerSql } from '../../connectors/deploy/source-sql.ts';
import { SOURCE_FITS } from '../../operations/checks/choice.ts';
import { keepsFromWorking } from '../../operations/connector/apply.ts';
import { examine } from '../../operations/doctor/doctor.ts';
import { loadConfig } from '../../lib/config.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const APPLICATION = readFileSync(new URL('../../demo/application.sql', import.meta.url), 'utf8');
const script = sourceSql({ PUBLICATION_NAME: 'history_cdc', CONNECTOR_DATABASE_URL: undefined });

let database: TestDatabase;
let app: pg.Pool;

beforeAll(async () => {
  database = await freshDatabase();
  app = new pg.Pool({ connectionString: database.url, max: 1 });
  app.on('error', () => undefined);
  await app.query(`${APPLICATION}; CREATE TABLE secret (id int PRIMARY KEY)`);
});

beforeEach(async () => {
  const superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  await superuser.query(`DROP PUBLICATION IF EXISTS history_cdc; DROP SCHEMA IF EXISTS history_cdc_source CASCADE;
                         REVOKE ALL ON agent_test_history FROM history_cdc_connector`);
  await superuser.end();
});

afterAll(async () => {
  await app.end();
  await database.drop();
});

/** What `connector apply` would refuse for. */
async function refusedFor(): Promise<string[]> {
  const config = loadConfig({ LEGACY_DATABASE_URL: database.url }, undefined);
  const { checks } = await examine(config, SOURCE_FITS);
  return checks.filter(keepsFromWorking).map(({ id }) => id);
}

async function published(): Promise<string[]> {
  const { rows } = await app.query<{ name: string }>(
    `SELECT format('%s.%s', schemaname, tablename) AS name FROM pg_publication_tables
      WHERE pubname = 'history_cdc' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

const THREE = ['history_cdc_source.heartbeat', 'history_cdc_source.signal', 'public.agent_test_history'];

describe('the script, run by the owner of the tables, who is no superuser,', () => {
  test('makes a database that the connector can work with, and says nothing the second time', async () => {
    expect(await runSourceSql(database.url, script)).toContain('publication history_cdc: created');
    const again = await runSourceSql(database.url, script);
    expect(again.filter((notice) => !notice.endsWith('already exists, skipping'))).toEqual([]);
    expect(await published()).toEqual(THREE);
    expect(await refusedFor()).toEqual([]);
  });

  test('gives the role what it needs, and nothing of another table', async () => {
    await runSourceSql(database.url, script);
    const { rows } = await app.query<{ place: string; privilege: string }>(
      `SELECT table_schema || '.' || table_name AS place, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS privilege
         FROM information_schema.role_table_grants WHERE grantee = 'history_cdc_connector' GROUP BY 1 ORDER BY 1`,
    );
    expect(rows).toEqual([
      { place: 'history_cdc_source.heartbeat', privilege: 'INSERT SELECT UPDATE' },
      { place: 'history_cdc_source.signal', privilege: 'DELETE INSERT SELECT' },
      { place: 'public.agent_test_history', privilege: 'SELECT' },
    ]);
  });

  test('mends a publication that has other tables, row filters or too few operations', async () => {
    await runSourceSql(database.url, script);
    await app.query(`ALTER PUBLICATION history_cdc SET TABLE secret, agent_test_history WHERE (dry_run);
                     ALTER PUBLICATION history_cdc SET (publish = 'insert')`);
    const notices = await runSourceSql(database.url, script);
    expect(notices.find((notice) => notice.includes('its tables were'))).toContain('public.secret');
    expect(notices.find((notice) => notice.includes('kinds of change'))).toBeDefined();
    expect(await published()).toEqual(THREE);
    expect(await refusedFor()).toEqual([]);
  });

  test('keeps to names that need quotes', async () => {
    const quoted = sourceSql({
      PUBLICATION_NAME: 'history_cdc',
      CONNECTOR_DATABASE_URL: 'postgresql://Odd.Role%40x-1@db/legacy',
    });
    const superuser = new pg.Client({ connectionString: database.superuserUrl });
    await superuser.connect();
    try {
      await superuser.query('CREATE ROLE "Odd.Role@x-1"');
      // It exists without LOGIN and REPLICATION: said, and left to whoever made it.
      expect((await runSourceSql(database.url, quoted)).join()).toContain('lacks LOGIN or REPLICATION');
      const { rows } = await superuser.query<{ may: boolean; login: boolean }>(
        `SELECT has_table_privilege(oid, 'agent_test_history', 'SELECT') AS may, rolcanlogin AS login
           FROM pg_roles WHERE rolname = 'Odd.Role@x-1'`,
      );
      expect(rows).toEqual([{ may: true, login: false }]);
    } finally {
      await superuser.query('DROP OWNED BY "Odd.Role@x-1"; DROP ROLE "Odd.Role@x-1"');
      await superuser.end();
    }
  });
});

describe("a projector's role, where a DBA made our tables and the application's owner grants the rest,", () => {
  const role = () => `${database.name}_projector`;
  let superuser: pg.Client;
  beforeAll(async () => {
    superuser = new pg.Client({ connectionString: database.superuserUrl });
    await superuser.connect();
    await superuser.query(`CREATE ROLE ${role()}`);
  });
  afterAll(async () => {
    await superuser.query(`DROP OWNED BY ${role()}; DROP ROLE ${role()}`);
    await superuser.end();
  });

  const mayRead = async (table: string) => {
    const { rows } = await superuser.query<{ may: boolean }>(
      'SELECT has_schema_privilege($1, relnamespace, $3) AND has_table_privilege($1, oid, $4) AS may FROM pg_class WHERE oid = $2::regclass',
      [role(), table, 'USAGE', 'SELECT'],
    );
    return rows[0]?.may;
  };

  test('gets what the owner may give, and the owner is told the statements that remain, which work', async () => {
    await runSourceSql(database.superuserUrl, script);
    const remaining: string[] = [];
    await runSourceSql(database.url, workerSql('projector', role()), (text) => remaining.push(text));
    expect(await mayRead('public.agent_test_history')).toBe(true);
    expect(await mayRead('history_cdc_source.heartbeat')).toBe(false);
    const statements = remaining.join().split('\n').slice(1);
    expect(statements.map((line) => line.replace(/;.*/, ''))).toEqual([
      `GRANT SELECT ON history_cdc_source.heartbeat TO ${role()}`,
      `GRANT USAGE ON SCHEMA history_cdc_source TO ${role()}`,
    ]);
    await superuser.query(statements.join('\n'));
    expect(await mayRead('history_cdc_source.heartbeat')).toBe(true);
    const left: string[] = [];
    await runSourceSql(database.url, workerSql('projector', role()), (text) => left.push(text));
    expect(left).toEqual([]);
  });
});

test('a role that is missing is made by whoever may, and the refusal of Postgres comes through otherwise', async () => {
  const missing = sourceSql({
    PUBLICATION_NAME: 'history_cdc',
    CONNECTOR_DATABASE_URL: `postgresql://${database.name}_role@db/legacy`,
  });
  await expect(runSourceSql(database.url, missing)).rejects.toThrow(/permission denied to create role/);
  const { rows } = await app.query(`SELECT FROM pg_namespace WHERE nspname = 'history_cdc_source'`);
  expect(rows).toEqual([]);

  const superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  try {
    await superuser.query(`BEGIN; ${missing}`);
    const { rows: roles } = await superuser.query(
      `SELECT rolcanlogin, rolreplication, rolsuper, rolcreatedb, rolcreaterole, rolpassword IS NULL AS no_password
         FROM pg_authid WHERE rolname = $1`,
      [`${database.name}_role`],
    );
    expect(roles).toEqual([
      {
        rolcanlogin: true,
        rolreplication: true,
        rolsuper: false,
        rolcreatedb: false,
        rolcreaterole: false,
        no_password: true,
      },
    ]);
  } finally {
    await superuser.query('ROLLBACK');
    await superuser.end();
  }
});

test('a publication of all tables is not changed, but refused', async () => {
  const superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  try {
    await superuser.query('CREATE PUBLICATION history_cdc FOR ALL TABLES');
    await expect(runSourceSql(database.superuserUrl, script)).rejects.toThrow(/FOR ALL TABLES/);
  } finally {
    await superuser.query('DROP PUBLICATION history_cdc');
    await superuser.end();
  }
});

test('the checks name everything that is missing before the script has run', async () => {
  expect(await refusedFor()).toEqual(['signal-table', 'heartbeat-table', 'publication', 'connector-grants']);
});
