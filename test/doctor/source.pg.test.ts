import { beforeAll, describe, expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import { examine } from '../../operations/doctor/doctor.ts';
import { readSessions } from '../../operations/facts/postgres.ts';
import { useCheckup, type Checkup } from './checkup.ts';

/*
 * The checks of the legacy database: each is red once, by breaking what it looks at, and green again by its own fix where
 * that is SQL. They are one story: nothing is there, then the script has run, then there is a slot.
 */
const the = useCheckup(false);
const sql = async (text: string) => {
  await the().superuser.query(text);
};

const OF_SOURCE = CHECKS.filter(({ group }) => group === 'server' || group === 'source' || group === 'slot');
const OF_SQL = OF_SOURCE.filter(({ id }) => id !== 'continuity');

test('before the script, what it makes is not there yet, and nothing is wrong', async () => {
  const report = await examine(
    the().config({ LEGACY_DATABASE_URL: the().open.database.superuserUrl }),
    OF_SQL,
  );
  const bad = report.checks.filter(({ verdict }) => verdict !== 'ok' && verdict !== 'not_yet');
  expect(bad).toEqual([]);
  const notYet = report.checks.filter(({ step }) => step === 'script').map(({ id }) => id);
  expect(notYet).toEqual([
    ...['publication', 'connector-grants'],
    ...['signal-table', 'heartbeat-table', 'heartbeat-written'],
  ]);
  expect(report.first?.fix).toContain('history-cdc connector sql');
});

describe('once the script has run', () => {
  beforeAll(async () => {
    await the().script();
  });

  const mendWith = (...statements: string[]) => ({
    mend: async ({ superuser }: Checkup) => {
      for (const statement of statements) await superuser.query(statement);
    },
  });

  test('a publication that names another table', async () => {
    const breakIt = `ALTER PUBLICATION ${the().name} ADD TABLE public.agent_contexts`;
    await the().breaks('publication', breakIt, { says: 'also publishes public.agent_contexts' });
  });

  test('a publication that lacks a table', async () => {
    const breakIt = `ALTER PUBLICATION ${the().name} DROP TABLE history_cdc_source.signal`;
    await the().breaks('publication', breakIt, { says: 'it lacks history_cdc_source.signal' });
  });

  test('a publication of everything', async () => {
    const breakIt = `DROP PUBLICATION ${the().name}; CREATE PUBLICATION ${the().name} FOR ALL TABLES`;
    const says = 'FOR ALL TABLES';
    await the().breaks('publication', breakIt, { says });
  });

  test('a publication of a whole schema', async () => {
    const breakIt = `DROP PUBLICATION ${the().name}; CREATE PUBLICATION ${the().name} FOR TABLES IN SCHEMA public`;
    await the().breaks('publication', breakIt, { says: 'also publishes public.' });
  });

  test('a key of more columns than id', async () => {
    const key = (columns: string) =>
      `ALTER TABLE agent_test_history DROP CONSTRAINT agent_test_history_pkey, ADD PRIMARY KEY (${columns})`;
    await the().breaks('legacy-key', key('id, started_at'), {
      says: '(id, started_at)',
      ...mendWith(key('id')),
    });
  });

  test('a column of ours that Postgres generates', async () => {
    await sql('ALTER TABLE agent_test_history RENAME summary TO summary_plain');
    await sql(
      "ALTER TABLE agent_test_history ADD COLUMN summary text GENERATED ALWAYS AS (scenario || '!') STORED",
    );
    const red = await the().check('legacy-columns-sent');
    expect(red).toMatchObject({ verdict: 'failed', evidence: expect.stringContaining('summary') as string });
    await the().paste(red.fix);
    expect(await the().check('legacy-columns-sent')).toMatchObject({ verdict: 'ok' });
    await sql('ALTER TABLE agent_test_history DROP COLUMN summary');
    await sql('ALTER TABLE agent_test_history RENAME summary_plain TO summary');
  });

  test.each([
    ['a row filter', 'public.agent_test_history WHERE (dry_run)'],
    ['a column list', 'public.agent_test_history (id, scenario)'],
  ])('a publication with %s', async (_, table) => {
    const breakIt = `ALTER PUBLICATION ${the().name} SET TABLE ${table}`;
    await the().breaks('publication', breakIt, { says: 'leaves rows or columns out' });
  });

  test('a publication without deletes', async () => {
    const breakIt = `ALTER PUBLICATION ${the().name} SET (publish = 'insert, update')`;
    await the().breaks('publication', breakIt, { says: 'leaves out' });
  });

  test.each([
    ['NOTHING', 'none'],
    ['USING INDEX another_key', 'an index'],
  ])('replica identity %s', async (identity, says) => {
    await sql('CREATE UNIQUE INDEX IF NOT EXISTS another_key ON agent_test_history (id, started_at)');
    await the().breaks('replica-identity', `ALTER TABLE agent_test_history REPLICA IDENTITY ${identity}`, {
      says,
    });
  });

  test('replica identity FULL is only dear', async () => {
    const breakIt = 'ALTER TABLE agent_test_history REPLICA IDENTITY FULL';
    await the().breaks('replica-identity', breakIt, { says: 'FULL', verdict: 'warning' });
  });

  test('limits of time that would end the snapshot', async () => {
    const { name, open } = the();
    const breakIt = `ALTER DATABASE "${open.database.name}" SET statement_timeout = '1min';
      ALTER ROLE ${name} SET transaction_timeout = 300000; ALTER ROLE ${name} SET wal_sender_timeout = 0`;
    const says = `for ${name}: statement_timeout = 1min, transaction_timeout = 300000, wal_sender_timeout = 0`;
    await the().breaks('session-limits', breakIt, { says, verdict: 'warning' });
    await sql(`ALTER DATABASE "${open.database.name}" RESET statement_timeout`);
  });

  test('a role that may not replicate', async () => {
    const breakIt = `ALTER ROLE ${the().name} NOREPLICATION`;
    await the().breaks('connector-role', breakIt, { says: 'lacks LOGIN or REPLICATION' });
  });

  test('every grant that is missing, at once, and the fix gives them all', async () => {
    const { name } = the();
    const breakIt = `REVOKE ALL ON ALL TABLES IN SCHEMA history_cdc_source FROM ${name};
      REVOKE ALL ON SCHEMA history_cdc_source FROM ${name}; REVOKE ALL ON agent_test_history FROM ${name}`;
    await the().breaks('connector-grants', breakIt, {
      says: [
        ...['INSERT', 'SELECT', 'UPDATE'].map((right) => `${right} ON history_cdc_source.heartbeat`),
        ...['DELETE', 'INSERT', 'SELECT'].map((right) => `${right} ON history_cdc_source.signal`),
        'SELECT ON public.agent_test_history',
      ].join(', '),
    });
  });

  test('everything that the role may do beyond that, and the fix takes it away', async () => {
    const { name } = the();
    const breakIt = `ALTER ROLE ${name} CREATEDB; GRANT pg_read_all_data TO ${name};
      GRANT SELECT ON agent_contexts TO ${name}; GRANT DELETE ON agent_test_history TO ${name};
      GRANT UPDATE (beat) ON history_cdc_source.heartbeat TO ${name};
      GRANT SELECT (email) ON organization_memberships TO PUBLIC`;
    await the().breaks('connector-excess', breakIt, {
      verdict: 'warning',
      says: 'CREATEDB; member of pg_read_all_data; SELECT on public.agent_contexts; DELETE on public.agent_test_history; SELECT ("email") on public.organization_memberships (by PUBLIC)',
    });
  });

  test.each([
    ["CREATE POLICY tenant ON agent_test_history USING (user_id = 'x')"],
    ["CREATE POLICY narrow ON agent_test_history AS RESTRICTIVE USING (user_id = 'x')"],
  ])("row-level security hides rows from the connector's role: %s", async (policy) => {
    const { name } = the();
    await the().superuser.query(`ALTER ROLE ${name} NOBYPASSRLS`);
    const says = `row-level security on public.agent_test_history applies to the role ${name}`;
    const broken = `ALTER TABLE agent_test_history ENABLE ROW LEVEL SECURITY; ${policy}`;
    await the().breaks('legacy-rows-visible', broken, { says });
    await the().superuser.query(`ALTER TABLE agent_test_history DISABLE ROW LEVEL SECURITY;
      ALTER ROLE ${name} NOBYPASSRLS; DROP POLICY IF EXISTS tenant ON agent_test_history; DROP POLICY IF EXISTS history_cdc_${name} ON agent_test_history;
      DROP POLICY IF EXISTS narrow ON agent_test_history`);
  });

  test.each([
    ['signal', 'data'],
    ['heartbeat', 'counter'],
  ])('a %s table without its column %s', async (table, column) => {
    await the().breaks(`${table}-table`, `ALTER TABLE history_cdc_source.${table} DROP COLUMN ${column}`, {
      says: `missing: history_cdc_source.${table}.${column}`,
    });
    // The new table has its grants and its place in the publication.
    for (const id of ['publication', 'connector-grants'])
      expect(await the().check(id)).toMatchObject({ verdict: 'ok' });
  });

  test('a legacy table that lacks a column', async () => {
    await the().breaks('legacy-table', 'ALTER TABLE agent_test_history RENAME user_id TO owner', {
      says: 'column public.agent_test_history.user_id',
      ...mendWith('ALTER TABLE agent_test_history RENAME owner TO user_id'),
    });
  });

  test('a column of another type', async () => {
    const change = (type: string) =>
      `ALTER TABLE agent_test_history ALTER COLUMN total_duration_ms TYPE ${type}`;
    await the().breaks('legacy-table', change('bigint'), {
      says: 'column public.agent_test_history.total_duration_ms as integer or smallint (it is bigint)',
      ...mendWith(change('smallint')),
    });
  });

  test('a heartbeat row that is missing is not there yet; one that rests is red', async () => {
    const settings = { LEGACY_DATABASE_URL: the().open.database.superuserUrl };
    const first = await the().check('heartbeat-written', settings);
    expect(first).toMatchObject({ verdict: 'not_yet', step: 'apply' });
    await sql('INSERT INTO history_cdc_source.heartbeat VALUES (1, now(), 1)');
    await the().breaks(
      'heartbeat-written',
      "UPDATE history_cdc_source.heartbeat SET beat = now() - interval '1 hour'",
      { says: '60 min ago', settings, ...mendWith('UPDATE history_cdc_source.heartbeat SET beat = now()') },
    );
  });

  test('a row that is larger than the connector may send, and one that is nearly so', async () => {
    await sql("INSERT INTO agent_contexts (organization_id, agent_url) VALUES ('o', 'https://a.example')");
    const row = (bytes: number) =>
      `INSERT INTO agent_test_history (agent_context_id, scenario, overall_passed, steps_passed, steps_failed, steps_json)
       SELECT id, 'large', true, 1, 0, to_jsonb(repeat('x', ${String(bytes)})) FROM agent_contexts`;
    const gone = mendWith('DELETE FROM agent_test_history');
    await the().breaks('largest-row', row(17_000_000), { says: 'its task will fail', ...gone });
    await the().breaks('largest-row', row(9_000_000), { says: '8.6 MiB', verdict: 'warning', ...gone });
  });

  test("a transaction that has been open for long, told apart from the connector's own", async () => {
    const { superuser, open, name } = the();
    const session = await superuser.connect();
    try {
      await session.query('BEGIN; SELECT FROM agent_contexts');
      const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const [mine] = rows;
      const seen = await readSessions(superuser, name, 0);
      expect(seen.long.map(({ pid }) => pid)).toContain(mine?.pid);
      expect((await readSessions(superuser, 'postgres', 0)).long).toEqual([]);
      // An ordinary role is not told since when.
      expect((await readSessions(open.pool, name, 0)).hidden).toBeGreaterThan(0);
      expect(await the().check('long-transactions')).toMatchObject({
        verdict: 'unknown',
        evidence: expect.stringContaining('GRANT pg_read_all_stats TO "app"') as string,
      });
    } finally {
      await session.query('ROLLBACK');
      session.release();
    }
  });

  test('the script again, over a deployment that lost its tables', async () => {
    await sql(`SELECT pg_create_logical_replication_slot('${the().name}', 'pgoutput')`);
    await the().breaks('signal-table', 'DROP TABLE history_cdc_source.signal', {
      says: 'there is no table history_cdc_source.signal',
    });
    await the().breaks('publication', `DROP PUBLICATION ${the().name}`, {
      says: 'no publication',
    });
    await sql(`SELECT pg_drop_replication_slot('${the().name}')`);
  });
});

test('the server as it is set up for these tests passes', async () => {
  const checks = OF_SOURCE.filter(({ group, id }) => group === 'server' && id !== 'long-transactions');
  const report = await examine(the().config(), checks);
  expect(report.checks.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
  expect(report.counts.ok).toBe(11);
});

test('a database that does not answer fails one check, and the others cannot tell, at once', async () => {
  const began = Date.now();
  const nowhere = the().config({ LEGACY_DATABASE_URL: 'postgresql://app:hunter2@127.0.0.1:1/app' });
  const report = await examine(nowhere, OF_SQL);
  expect(Date.now() - began).toBeLessThan(60_000);
  const failed = report.checks.filter(({ verdict }) => verdict === 'failed');
  expect(failed.map(({ id }) => id)).toEqual(['legacy-reachable']);
  expect(report.checks.filter(({ verdict }) => verdict !== 'unknown')).toHaveLength(1);
  expect(JSON.stringify(report)).not.toContain('hunter2');
});
