import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runSourceSql } from '../../connectors/deploy/run-sql.ts';
import { sourceSql } from '../../connectors/deploy/source-sql.ts';
import { loadConfig } from '../../lib/config.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { Services } from '../../operations/facts/services.ts';
import { FENCE_SQL } from '../../operations/fence/script.ts';
import { FENCE_PART } from '../../operations/teardown/fence-part.ts';
import { Blocked, type Part, type Site } from '../../operations/teardown/part.ts';
import { PUBLICATION, ROLE, SLOT, SOURCE_TABLES } from '../../operations/teardown/source-parts.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

/** What is in Postgres, part by part, with a DBA and with the application's own role, which is neither superuser nor DBA. */

let database: TestDatabase;
let dba: Pool;
let role: string;
let sites: { readonly app: Site; readonly dba: Site };

beforeAll(async () => {
  database = await freshDatabase();
  role = `${database.name.slice(0, 20)}_connector`;
  dba = createPool({ url: database.superuserUrl, name: 'test dba', connections: 2 });
  const app = createPool({ url: database.url, name: 'test app', connections: 1 });
  await app.query(
    'CREATE TABLE agent_test_history (id uuid PRIMARY KEY); CREATE TABLE secret (id int PRIMARY KEY)',
  );
  await app.end();
  const siteOf = (url: string): Site => {
    const connector = new URL(database.connectorUrl);
    connector.username = role;
    const names = { SLOT_NAME: database.name.slice(0, 20), CONNECTOR_DATABASE_URL: connector.href };
    const config = loadConfig({ DATABASE_URL: url, LEGACY_DATABASE_URL: url, ...names }, undefined);
    return { config, services: new Services(config, { name: 'test teardown' }), note: () => undefined };
  };
  sites = { app: siteOf(database.url), dba: siteOf(database.superuserUrl) };
});

beforeEach(async () => {
  await runSourceSql(database.superuserUrl, sourceSql(sites.dba.config));
});

afterEach(async () => {
  const { SLOT_NAME } = sites.dba.config;
  await dba.query(`DROP PUBLICATION IF EXISTS history_cdc, another; DROP SCHEMA IF EXISTS history_cdc_source CASCADE;
                   SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${SLOT_NAME}';
                   DO $$ BEGIN IF to_regrole('${role}') IS NOT NULL THEN DROP OWNED BY ${role}; DROP ROLE ${role}; END IF; END $$`);
});

afterAll(async () => {
  await Promise.all([sites.app.services.close(), sites.dba.services.close()]);
  await dba.end();
  await database.drop();
});

const things = async (part: Part, site = sites.dba) => (await part.look(site)).things;
const obstacle = async (part: Part, site = sites.dba) => (await part.look(site)).obstacle;

async function taken(part: Part, site = sites.dba) {
  await part.remove(site, await part.look(site));
  return await things(part);
}

describe('a DBA takes away', () => {
  test('publication, tables with their schema, and the role, whose right on the legacy table goes first', async () => {
    expect(await things(PUBLICATION)).toEqual(['history_cdc']);
    expect([...(await things(SOURCE_TABLES))].sort()).toEqual([
      'history_cdc_source',
      'history_cdc_source.heartbeat',
      'history_cdc_source.signal',
    ]);
    expect(await things(ROLE)).toEqual([role]);
    for (const part of [PUBLICATION, SOURCE_TABLES, ROLE]) {
      expect(await obstacle(part)).toBeUndefined();
      expect(await taken(part)).toEqual([]);
    }
    const { rows } = await dba.query("SELECT FROM pg_class WHERE relname = 'agent_test_history'");
    expect(rows).toHaveLength(1);
  });

  test('a slot of ours', async () => {
    await dba.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [
      sites.dba.config.SLOT_NAME,
    ]);
    expect(await obstacle(SLOT)).toBeUndefined();
    expect(await taken(SLOT)).toEqual([]);
  });

  test('the rest of a half: a schema without its tables', async () => {
    await dba.query(
      'DROP PUBLICATION history_cdc; DROP TABLE history_cdc_source.signal, history_cdc_source.heartbeat',
    );
    expect(await things(PUBLICATION)).toEqual([]);
    expect(await things(SOURCE_TABLES)).toEqual(['history_cdc_source']);
    expect(await taken(SOURCE_TABLES)).toEqual([]);
  });
});

const sharedBy = (ofRole: string): Readonly<Record<string, string>> => ({
  'a publication of another table': 'ALTER PUBLICATION history_cdc ADD TABLE secret',
  'tables that another publication has': 'CREATE PUBLICATION another FOR TABLE history_cdc_source.signal',
  'a schema with another table': 'CREATE TABLE history_cdc_source.mine ()',
  'a role with another right': `GRANT SELECT ON secret TO ${ofRole}`,
  'a role that owns something': `CREATE SCHEMA own AUTHORIZATION ${ofRole}`,
});

test('what a drop that was killed has left of the fence goes; a fence that stands stays, and says how it is opened', async () => {
  expect(await things(FENCE_PART)).toEqual([]);
  await dba.query(FENCE_SQL);
  expect((await obstacle(FENCE_PART))?.why).toContain('retire unfence');
  await dba.query('DROP TABLE public.agent_test_history');
  expect(await obstacle(FENCE_PART)).toBeUndefined();
  expect(await taken(FENCE_PART)).toEqual([]);
  const left = await dba.query("SELECT FROM pg_namespace WHERE nspname = 'history_cdc_fence'");
  expect(left.rows).toEqual([]);
  await dba.query(
    'CREATE TABLE public.agent_test_history (id uuid PRIMARY KEY); ALTER TABLE public.agent_test_history OWNER TO app',
  );
});

describe('what somebody else has a part in stays, and is named:', () => {
  test.each([
    { what: 'a publication of another table', part: PUBLICATION, named: 'public.secret' },
    { what: 'tables that another publication has', part: SOURCE_TABLES, named: 'another' },
    { what: 'a schema with another table', part: SOURCE_TABLES, named: 'history_cdc_source.mine' },
    { what: 'a role with another right', part: ROLE, named: 'table secret' },
    { what: 'a role that owns something', part: ROLE, named: 'owns 1' },
  ])('$what', async ({ what, part, named }) => {
    await dba.query(sharedBy(role)[what] ?? '');
    expect((await obstacle(part))?.why).toContain(named);
  });

  test('a role with rights in another database', async () => {
    const other = await freshDatabase();
    try {
      await dba.query(`GRANT CONNECT ON DATABASE ${other.name} TO ${role}`);
      expect((await obstacle(ROLE))?.why).toContain(other.name);
    } finally {
      await other.drop();
    }
  });

  test('a slot of another kind, or of another database', async () => {
    const { SLOT_NAME } = sites.dba.config;
    await dba.query('SELECT pg_create_physical_replication_slot($1)', [SLOT_NAME]);
    expect((await obstacle(SLOT))?.why).toContain('physical');
    const other = await freshDatabase();
    const there = createPool({ url: other.superuserUrl, name: 'test dba', connections: 1 });
    try {
      await dba.query('SELECT pg_drop_replication_slot($1)', [SLOT_NAME]);
      await there.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [SLOT_NAME]);
      expect((await obstacle(SLOT))?.why).toContain(other.name);
      await there.query('SELECT pg_drop_replication_slot($1)', [SLOT_NAME]);
    } finally {
      await there.end();
      await other.drop();
    }
  });

  test('a role that our script did not make is not ours to drop', async () => {
    await dba.query(`ALTER ROLE ${role} RESET row_security`);
    expect(await ROLE.look(sites.dba)).toMatchObject({ things: [role], kept: expect.any(String) as string });
  });
});

describe('what a role may not do is printed as SQL, which does it:', () => {
  test.each([
    ['publication', PUBLICATION],
    ['source tables', SOURCE_TABLES],
    ['role', ROLE],
  ])('%s', async (_, part) => {
    if (part !== PUBLICATION) await dba.query('DROP PUBLICATION history_cdc');
    if (part === ROLE) await dba.query('DROP SCHEMA history_cdc_source CASCADE');
    const found = await part.look(sites.app);
    expect(found.obstacle?.byHand).toBeDefined();
    await expect(part.remove(sites.app, found)).rejects.toBeInstanceOf(Blocked);
    expect(await things(part)).toEqual(found.things);
    await dba.query(found.obstacle?.byHand ?? '');
    expect(await things(part)).toEqual([]);
  });

  test('slot', async () => {
    await dba.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [
      sites.dba.config.SLOT_NAME,
    ]);
    await dba.query((await obstacle(SLOT, sites.app))?.byHand ?? '');
    expect(await things(SLOT)).toEqual([]);
  });
});
