import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runSourceSql } from '../../connectors/deploy/run-sql.ts';
import { sourceSql } from '../../connectors/deploy/source-sql.ts';
import { coverage } from '../../operations/snapshot/coverage.ts';
import { readHealth, unseen } from '../../operations/snapshot/health.ts';
import { assertCondition } from '../../operations/snapshot/scope.ts';
import { sendSignal, switchData } from '../../operations/snapshot/signal.ts';
import { known } from '../../operations/facts/answer.ts';
import { readLoad, readSlot } from '../../operations/facts/postgres.ts';
import { readSignals } from '../../operations/facts/signals.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';

const ROWS = 25;
const OPERATOR = `operator_${randomBytes(4).toString('hex')}`;
const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const measured = async (pool: Pool) => ({
  slot: known(await readSlot(pool, 'no_slot')),
  load: known(await readLoad(pool)),
});
const ALL_LIMITS = { slot_lag_bytes: 1, replication_lag_seconds: 1, active_sessions: 1 };

let open: OpenDatabase;
let superuser: Pool;
/** A role with the rights that the DBA's script names for whoever runs history-cdc, and no others. */
let operator: Pool;

beforeAll(async () => {
  open = await openMigratedDatabase();
  superuser = createPool({ url: open.database.superuserUrl, name: 'test', connections: 1 });
  const config = { PUBLICATION_NAME: 'history_cdc', CONNECTOR_DATABASE_URL: undefined };
  await runSourceSql(open.database.url, sourceSql(config, 'tables'));
  await superuser.query(`CREATE ROLE ${OPERATOR} LOGIN PASSWORD 'secret'`);
  await open.pool.query(grantsForOperator());
  await open.pool.query(`GRANT SELECT ON public.agent_test_history TO ${OPERATOR}`);
  const url = new URL(open.database.url);
  url.username = OPERATOR;
  url.password = 'secret';
  operator = createPool({ url: url.href, name: 'test', connections: 2 });
});
beforeEach(async () => {
  await open.pool.query(`
    TRUNCATE history_cdc.ledger, public.agent_contexts CASCADE;
    DELETE FROM history_cdc_source.signal;
    INSERT INTO agent_contexts (organization_id, agent_url) VALUES ('org', 'https://agent.example');
    INSERT INTO agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed)
      SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, c.id, 'quality_evaluation', true, 1, 0
      FROM agent_contexts c, generate_series(1, ${String(ROWS)}) n`);
});
afterAll(async () => {
  await operator.end();
  await open.close();
  await superuser.query(`DROP ROLE ${OPERATOR}`).catch(() => undefined);
  await superuser.end();
});

/** The lines of the script that stand there as a remark, for the DBA to use. */
function grantsForOperator(): string {
  const script = readFileSync(new URL('../../connectors/sql/04-grants.sql', import.meta.url), 'utf8');
  const grants = [...script.matchAll(/^-- {3}(GRANT .* TO )operator;$/gm)].map(
    ([, grant]) => `${grant ?? ''}${OPERATOR}`,
  );
  expect(grants).toHaveLength(3);
  return grants.join(';');
}

async function decided(...numbers: readonly number[]): Promise<void> {
  await open.pool.query(
    `INSERT INTO history_cdc.ledger (legacy_id, decision, reason, rule_version, topic_id, partition, "offset", op, snapshot)
     SELECT unnest($1::uuid[]), 'anonymous', 'anonymous', 1, gen_random_uuid(), 0, 0, 'r', true`,
    [numbers.map(id)],
  );
}

describe('coverage', () => {
  const compared = (chunkRows: number, kept?: number) =>
    coverage({ legacy: open.pool, canonical: open.pool }, { chunkRows, ...(kept !== undefined && { kept }) });
  const all = Array.from({ length: ROWS }, (_, n) => n + 1);

  test.each([1, 7, 25, 1000])('finds every row without a decision, in stretches of %d', async (chunkRows) => {
    await decided(...all.filter((n) => n !== 1 && n !== 13 && n !== ROWS));
    expect(await compared(chunkRows)).toEqual({
      legacyRows: ROWS,
      uncovered: 3,
      ids: [1, 13, ROWS].map(id),
    });
  });

  test('is whole where each has one, and of decisions without a row it says nothing', async () => {
    await decided(...all, 99);
    expect(await compared(10)).toEqual({ legacyRows: ROWS, uncovered: 0, ids: [] });
  });

  test('counts beyond what it keeps', async () => {
    await decided(1);
    const { uncovered, ids } = await compared(10, 4);
    expect([uncovered, ids]).toEqual([ROWS - 1, [2, 3, 4, 5].map(id)]);
  });

  test('looks again: what was projected or deleted meanwhile is not missing', async () => {
    await decided(...all.slice(3));
    const result = await coverage(
      { legacy: open.pool, canonical: open.pool },
      {
        chunkRows: 1000,
        onProgress: () => undefined,
      },
    );
    expect(result.uncovered).toBe(3);
    let changed: Promise<unknown> | undefined;
    const again = await coverage(
      {
        legacy: open.pool,
        canonical: {
          query: (async (...args: [string, unknown[]]) => {
            const answer = await open.pool.query(...args);
            // After the first comparison, before the second look.
            changed ??= Promise.all([
              decided(1),
              open.pool.query('DELETE FROM agent_test_history WHERE id = $1', [id(2)]),
            ]);
            await changed;
            return answer;
          }) as unknown as Pool['query'],
        },
      },
      { chunkRows: 1000 },
    );
    expect(again.ids).toEqual([id(3)]);
  });
});

describe('the rights that the script names for an operator', () => {
  test('are enough to send a signal, and to read why one was sent', async () => {
    await sendSignal(operator, 'pause-snapshot', switchData({ by: 'person', why: 'first' }));
    await sendSignal(operator, 'pause-snapshot', switchData({ by: 'pace', why: 'second' }));
    expect((await readSignals(operator)).pause).toEqual({ by: 'pace', why: 'second' });
  });

  test('do not let it change or remove one, nor write a legacy row', async () => {
    for (const statement of [
      'DELETE FROM history_cdc_source.signal',
      "UPDATE history_cdc_source.signal SET type = 'x'",
      'DELETE FROM public.agent_test_history',
    ])
      await expect(operator.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('show the lag of the slot, and not what needs pg_read_all_stats', async () => {
    const settings = { limits: ALL_LIMITS };
    expect(unseen(await readHealth(operator, await measured(operator), settings))).toEqual([
      'slot lag bytes',
      'replication lag seconds',
      'active sessions',
    ]);
    await superuser.query(`GRANT pg_read_all_stats TO ${OPERATOR}`);
    const readings = await readHealth(operator, await measured(operator), settings);
    expect(unseen(readings)).toEqual(['slot lag bytes']);
    expect(readings.replication_lag_seconds).toBe(0);
  });

  test('without them, it is said which are missing', async () => {
    await open.pool.query(`REVOKE ALL ON history_cdc_source.signal FROM ${OPERATOR}`);
    try {
      const remark = switchData({ by: 'person', why: 'w' });
      await expect(sendSignal(operator, 'stop-snapshot', remark)).rejects.toMatchObject({
        code: 'DATABASE_UNFIT',
        wayOut: expect.stringContaining('GRANT SELECT, INSERT ON history_cdc_source.signal') as string,
      });
      expect(await readSignals(operator)).toEqual({ asked: [], pause: undefined });
    } finally {
      await open.pool.query(grantsForOperator());
    }
  });
});

test('a signal that a trigger swallows is not taken for sent', async () => {
  await open.pool.query(`
    CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER swallow BEFORE INSERT ON history_cdc_source.signal FOR EACH ROW EXECUTE FUNCTION swallow()`);
  const remark = switchData({ by: 'person', why: 'w' });
  await expect(sendSignal(open.pool, 'stop-snapshot', remark)).rejects.toMatchObject({
    code: 'DATABASE_UNFIT',
  });
  await open.pool.query('DROP TRIGGER swallow ON history_cdc_source.signal');
});

describe('the query of a pace', () => {
  const asked = async (query: string) =>
    readHealth(open.pool, await measured(open.pool), { limits: { query: 1 }, query });

  test('is one number', async () => {
    expect(await asked('SELECT count(*) FROM agent_test_history -- all of them')).toEqual({ query: ROWS });
  });

  test.each([
    'SELECT NULL',
    "SELECT 'NaN'::float8",
    'SELECT 1, 2',
    'SELECT 1; DELETE FROM agent_test_history',
    'SELECT 1)::float8)); DELETE FROM agent_test_history; SELECT ((SELECT (1',
    'DELETE FROM agent_test_history RETURNING 1',
    "SELECT nextval('no_such_sequence')",
  ])('and nothing else: %s', async (query) => {
    await expect(asked(query)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect((await open.pool.query('SELECT FROM agent_test_history')).rowCount).toBe(ROWS);
  });
});

describe('a condition', () => {
  test.each([
    "started_at >= '2026-05-01'",
    "summary = 'a''b' -- with a remark",
    'id IN (SELECT id FROM agent_test_history)',
  ])('that Postgres takes: %s', async (condition) => {
    await expect(assertCondition(open.pool, condition)).resolves.toBeUndefined();
  });

  test.each([
    '',
    'no_such = 1',
    'id',
    'true) OR (true',
    'true; DELETE FROM agent_test_history',
    'true /*',
    '1, 2',
  ])('that it does not: "%s"', async (condition) => {
    await expect(assertCondition(open.pool, condition)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
