import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createApplication } from '../../demo/generate.ts';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import { loadConfig } from '../../lib/config.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { copyStatement } from '../../operations/archive/legacy-rows.ts';
import { known } from '../../operations/facts/answer.ts';
import { Services } from '../../operations/facts/services.ts';
import type { SoakFacts } from '../../operations/soak/facts.ts';
import { noReaders } from '../../operations/soak/no-readers.ts';
import { sampleReaders } from '../../operations/soak/readers.ts';
import { OwnPostgres } from '../support/own-postgres.ts';

/* Who reads the legacy table, as the real pg_stat_statements tells it, in a schema of its own, on the oldest and the newest Postgres. */

describe.each([14, 'newest'] as const)('Postgres %s', (version) => {
  let server: OwnPostgres;
  let dba: Pool;
  let ours: Pool;
  let services: Services;
  const config = () =>
    loadConfig({ DATABASE_URL: server.urlOf('app'), LOG_LEVEL: 'silent' }, undefined, ['DATABASE_URL']);
  const sample = () => sampleReaders(services, config());
  const clear = () =>
    dba.query('DELETE FROM history_cdc.legacy_reading; SELECT stats.pg_stat_statements_reset()');

  beforeAll(async () => {
    const settings = { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.max': '100' };
    server = await OwnPostgres.start({ version, settings });
    dba = createPool({ url: server.urlOf('postgres'), name: 'dba', connections: 1 });
    ours = createPool({ url: server.urlOf('app'), name: 'history-cdc test', connections: 2 });
    await createApplication(ours);
    await migrate(ours, undefined);
    await dba.query(`
      CREATE SCHEMA stats; CREATE EXTENSION pg_stat_statements SCHEMA stats; GRANT USAGE ON SCHEMA stats TO app;
      CREATE ROLE reporting LOGIN; GRANT SELECT ON public.agent_test_history TO reporting`);
    services = new Services(config(), { name: 'history-cdc test' });
  });
  afterAll(async () => {
    await services.close();
    await Promise.all([dba.end(), ours.end()]);
    await server.stop();
  });
  beforeEach(clear);

  /** Another program, which ends at once. */
  async function program(role: string, ...statements: string[]): Promise<void> {
    const client = new pg.Client({ connectionString: server.urlOf(role) });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  }
  const readers = async () =>
    (await sample()).readings
      .filter(({ source, role }) => source === 'statement' && role !== '')
      .map(({ role, counter }) => `${role} ${counter}`)
      .sort();
  const moved = async (subject: 'since' | 'reader') => {
    const { readings } = await sample();
    return readings.find(
      (one) => one.source === 'statement' && (one.subject === 'since') === (subject === 'since'),
    )?.changedAt;
  };
  const verdict = async () => {
    const facts = { now: known(new Date()), dependants: known([]), reading: known(await sample()) };
    return noReaders(facts as unknown as SoakFacts, config());
  };
  const COUNT = 'SELECT count(*) FROM public.agent_test_history';

  test('a role that may not see the statements of others does not know, and says which grant it lacks', async () => {
    expect((await sample()).statementsUnknown).toContain('pg_read_all_stats');
    await dba.query('GRANT pg_read_all_stats TO app');
    expect((await sample()).statementsUnknown).toBeNull();
  });

  test('our reads are none; those of another program are, also with our role, by COPY, and of a role that is gone', async () => {
    await ours.query(COUNT);
    await ours.query({ text: `${COUNT} WHERE user_id = $1`, values: ['x'], name: 'prepared' });
    await ours.query('BEGIN; LOCK TABLE public.agent_test_history IN ACCESS SHARE MODE; COMMIT');
    const month = { name: '2026-01', rows: 0, where: 'true' };
    const columns = [{ name: 'id', type: 'uuid', pgType: 'uuid' }];
    await ours.query(
      copyStatement(columns as never, month as never, 'key')
        .replace('COPY (', '')
        .replace(/\) TO STDOUT.*$/s, ''),
    );
    await program(
      'app',
      'INSERT INTO agent_test_history (scenario, overall_passed, steps_passed, steps_failed, agent_context_id) SELECT $$s$$, true, 1, 0, id FROM agent_contexts',
    );
    expect(await readers()).toEqual([]);
    await program('app', `${COUNT} WHERE dry_run`);
    await program('reporting', COUNT, COUNT, 'COPY agent_test_history TO STDOUT');
    await dba.query('CREATE ROLE short LOGIN; GRANT SELECT ON public.agent_test_history TO short');
    await program('short', `/* an application */ ${COUNT}`);
    const { rows } = await dba.query<{ oid: string }>(
      "SELECT oid::text FROM pg_roles WHERE rolname = 'short'",
    );
    await dba.query('DROP OWNED BY short; DROP ROLE short');
    expect(await readers()).toEqual([
      `a role that is gone (${rows[0]?.oid ?? ''}) 1`,
      'app 1',
      'reporting 1',
      'reporting 2',
    ]);
    expect(await verdict()).toMatchObject({
      state: 'not_met',
      ids: expect.arrayContaining(['app', 'reporting']) as string[],
    });
    await dba.query("UPDATE history_cdc.legacy_reading SET changed_at = changed_at - interval '8 days'");
    expect(await verdict()).toMatchObject({ state: 'met' });
    await program('reporting', COUNT);
    expect(await verdict()).toMatchObject({ state: 'not_met', ids: ['reporting'] });
  });

  test('a reset is noticed: the watch begins anew, and a statement that comes back as often as before is a new read', async () => {
    await program('reporting', COUNT);
    const [since, read] = [await moved('since'), await moved('reader')];
    expect([await moved('since'), await moved('reader')]).toEqual([since, read]);
    await dba.query('SELECT stats.pg_stat_statements_reset()');
    expect(await readers()).toEqual(['reporting gone']);
    expect(await moved('since')).not.toEqual(since);
    expect(await moved('reader')).toEqual(read);
    await program('reporting', COUNT);
    expect(await readers()).toEqual(['reporting 1']);
    expect(await moved('reader')).not.toEqual(read);
  });

  test('an eviction is noticed', async () => {
    const since = await moved('since');
    const many = Array.from({ length: 130 }, (_, n) => `SELECT ${'1 + '.repeat(n)}1`);
    await program('app', ...many);
    expect(await moved('since')).not.toEqual(since);
  });

  test('where something keeps statements from being seen, nothing is known, and it is named', async () => {
    const unknown = async () => (await sample()).statementsUnknown;
    for (const [change, back, named] of [
      [
        "ALTER ROLE reporting SET pg_stat_statements.track = 'none'",
        'ALTER ROLE reporting RESET ALL',
        'reporting',
      ],
      ["ALTER DATABASE app SET compute_query_id = 'off'", 'ALTER DATABASE app RESET ALL', 'compute_query_id'],
      [
        'ALTER DATABASE app SET pg_stat_statements.track_utility = off',
        'ALTER DATABASE app RESET ALL',
        'track_utility',
      ],
      [
        "UPDATE pg_extension SET extversion = '1.8' WHERE extname = 'pg_stat_statements'",
        "UPDATE pg_extension SET extversion = '1.9' WHERE extname = 'pg_stat_statements'",
        'UPDATE',
      ],
    ] as const) {
      await dba.query(change);
      expect(await unknown()).toContain(named);
      expect((await verdict()).state).toBe('unknown');
      await dba.query(back);
    }
    expect(await unknown()).toBeNull();
  });
});
