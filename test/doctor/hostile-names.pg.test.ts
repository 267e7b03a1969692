import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runSourceSql } from '../../connectors/deploy/run-sql.ts';
import { workerSql } from '../../connectors/deploy/source-sql.ts';
import { judgeProjectorLacks } from '../../operations/checks/projector-role.ts';
import { readRoleRights } from '../../operations/facts/role.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { remark, sql } from '../../lib/quoting.ts';
import { openApplicationDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { resultOf } from './ask.ts';

/*
 * What doctor prints for tables, columns, schemas and roles of any name, pasted as it stands by a superuser, who may do
 * everything: the fix does its work, and nothing else happens.
 */
const NAMES = [
  'User',
  'x FROM PUBLIC; DROP TABLE public.victim; --',
  `it's "$(touch pwned)" \`touch pwned\` \\`,
  'a\nDROP TABLE public.victim; --',
  'public.agent_test_history',
  '/* */ -- $script$',
];

let open: OpenDatabase;
let dba: Pool;
let folder: string;

const q = (name: string) => pg.escapeIdentifier(name);

beforeAll(async () => {
  open = await openApplicationDatabase();
  dba = createPool({ url: open.database.superuserUrl, name: 'test dba', connections: 1 });
  await runSourceSql(open.database.superuserUrl, sourceScript());
});
afterAll(async () => {
  await dba.end();
  await open.close();
});
beforeEach(async () => {
  await dba.query('CREATE TABLE IF NOT EXISTS public.victim (id int)');
  folder = mkdtempSync(path.join(tmpdir(), 'hostile-'));
  return () => {
    rmSync(folder, { recursive: true });
  };
});

function sourceScript(): string {
  return `CREATE SCHEMA history_cdc_source;
    CREATE TABLE history_cdc_source.signal (id text PRIMARY KEY, type text NOT NULL, data text);
    CREATE TABLE history_cdc_source.heartbeat (id int PRIMARY KEY, beat timestamptz NOT NULL, counter bigint NOT NULL);`;
}

const victim = async () =>
  (await dba.query<{ there: boolean }>("SELECT to_regclass('public.victim') IS NOT NULL AS there")).rows[0]
    ?.there;

/** As psql would take it: the whole text at once, several statements, comments and all. */
async function intoPsql(fix: string | null): Promise<void> {
  const client = new pg.Client({ connectionString: open.database.superuserUrl });
  await client.connect();
  try {
    await client.query(fix ?? '');
  } finally {
    await client.end();
  }
  expect(await victim()).toBe(true);
}

/** Runs a line in a real shell in which `history-cdc` writes down its arguments. */
function intoShell(line: string): string[] {
  const out = path.join(folder, 'arguments');
  const stub = path.join(folder, 'history-cdc');
  writeFileSync(stub, '#!/bin/sh\nfor each in "$@"; do printf "%s\\0" "$each"; done >> "$OUT"\n');
  chmodSync(stub, 0o755);
  execFileSync('sh', ['-c', line], {
    cwd: folder,
    env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, OUT: out },
  });
  expect(existsSync(path.join(folder, 'pwned'))).toBe(false);
  return readFileSync(out, 'utf8').split('\0').slice(0, -1);
}

describe.each(NAMES)('a role, a schema, a table and a column named %j', (name) => {
  const role = `${name} r`;
  const settings = () => {
    const url = new URL(open.database.url);
    url.username = encodeURIComponent(role);
    return { LEGACY_DATABASE_URL: open.database.superuserUrl, CONNECTOR_DATABASE_URL: url.href };
  };
  const check = async (id: string) =>
    resultOf(id, { DATABASE_URL: open.database.superuserUrl, ...settings() });

  beforeAll(async () => {
    await dba.query(`
      CREATE ROLE ${q(role)} LOGIN CREATEDB; CREATE ROLE ${q(`${role}2`)}; GRANT ${q(`${role}2`)} TO ${q(role)};
      CREATE SCHEMA ${q(name)}; CREATE TABLE ${q(name)}.${q(name)} (${q(name)} int);
      GRANT DELETE, SELECT (${q(name)}) ON ${q(name)}.${q(name)} TO ${q(role)};
      CREATE TABLE ${q(name)}.owned (id int); ALTER TABLE ${q(name)}.owned OWNER TO ${q(role)};
      GRANT INSERT, DELETE ON history_cdc_source.signal TO ${q(`${role}2`)}`);
  });
  afterAll(async () => {
    await dba.query(`
      DROP SCHEMA ${q(name)} CASCADE; DROP OWNED BY ${q(role)}; DROP ROLE ${q(role)};
      DROP OWNED BY ${q(`${role}2`)}; DROP ROLE ${q(`${role}2`)}`);
  });

  test.each([
    ['connector-role', 'failed'],
    ['connector-grants', 'failed'],
    ['connector-excess', 'warning'],
    ['signal-table', 'warning'],
  ])('%s', async (id, verdict) => {
    const result = await check(id);
    expect(result).toMatchObject({ verdict });
    await intoPsql(result.fix);
    expect(await check(id)).toMatchObject({ verdict: 'ok' });
  });

  test('as the role of a projector, in SQL and in the shell', async () => {
    const rights = await readRoleRights(dba, role);
    if (rights === null) throw new Error('there is no such role');
    const lacks = judgeProjectorLacks({
      schemaThere: true,
      missing: [{ place: 'public.agent_contexts', privilege: 'SELECT', columns: ['id', 'agent_url'] }],
      missingOnSchema: ['USAGE ON SCHEMA history_cdc'],
      rights,
    });
    if (lacks.verdict !== 'failed') throw new Error('it lacks something');
    const at = lacks.fix.indexOf('history-cdc migrate');
    await intoPsql(lacks.fix.slice(0, at));
    const { rows } = await dba.query<{ may: boolean }>(
      `SELECT has_column_privilege($1, 'public.agent_contexts', 'agent_url', 'SELECT') AS may`,
      [role],
    );
    expect(rows).toEqual([{ may: true }]);
    expect(intoShell(lacks.fix.slice(at))).toEqual(['migrate', '--grant-to', role.replace('\n', ' ')]);
  });
});

test('a name behind a comment sign cannot end the line', async () => {
  await intoPsql(sql`SELECT 1;  -- ${remark('x\nDROP TABLE public.victim; --\r\u2028')}`);
});

test('the owner of a table, whose name is printed behind a comment sign by `connector sql --projector`', async () => {
  const owner = 'o\nDROP TABLE public.victim; --';
  await dba.query(`CREATE ROLE ${q(owner)}; ALTER TABLE public.member_profiles OWNER TO ${q(owner)};
    CREATE ROLE plain_projector`);
  const remaining: string[] = [];
  await runSourceSql(open.database.url, workerSql('projector', 'plain_projector'), (text) =>
    remaining.push(text),
  );
  expect(remaining.join()).toContain('GRANT SELECT (workos_organization_id, agents)');
  await intoPsql(remaining.join().split('\n').slice(1).join('\n'));
  await dba.query(`ALTER TABLE public.member_profiles OWNER TO app; DROP ROLE ${q(owner)};
    DROP OWNED BY plain_projector; DROP ROLE plain_projector`);
});
