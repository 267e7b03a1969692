import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createApplication } from '../../demo/generate.ts';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { isFenced, readFence } from '../../operations/fence/state.ts';
import { archiveRefusals, type VerifiedArchive } from '../../operations/retire/archive.ts';
import { fence, unfence } from '../../operations/retire/fence.ts';
import { retireCheck } from '../../operations/retire/check.ts';
import { currentStage } from '../../operations/soak/stages.ts';
import { OwnPostgres } from '../support/own-postgres.ts';
import { until } from '../support/until.ts';
import { INSERT, RetiredTable } from './retired.ts';

/*
 * Ways to write that are no plain statement, against a fence that stands or is about to be built. The server is one of this
 * file's own, because prepared transactions are off by default.
 */

let server: OwnPostgres;
let dba: Pool;
let table: RetiredTable;
let number = 0;

beforeAll(async () => {
  server = await OwnPostgres.start({ version: 'newest', settings: { max_prepared_transactions: '5' } });
  dba = createPool({ url: server.urlOf('postgres', 'postgres'), name: 'test dba', connections: 1 });
});
afterAll(async () => {
  await dba.end();
  await server.stop();
});

beforeEach(async () => {
  const name = `retired_${String(++number)}`;
  await dba.query(`CREATE DATABASE ${name} OWNER app`);
  await dba.query(`CREATE ROLE writer_${String(number)} LOGIN`);
  const [url, superuserUrl] = [server.urlOf('app', name), server.urlOf('postgres', name)];
  const pool = createPool({ url, name: 'test', connections: 4 });
  await createApplication(pool);
  await migrate(pool, undefined);
  const database = { name, url, superuserUrl, connectorUrl: url, drop: () => Promise.resolve() };
  table = new RetiredTable({ database, pool, close: () => pool.end() }, `writer_${String(number)}`);
});
afterEach(async () => {
  await table.close();
});

const refused = { code: '42501', message: expect.stringContaining('is fenced since') as string };

describe('behind the fence is refused:', () => {
  test('MERGE, COPY FROM, and a statement that writes in a WITH', async () => {
    const context = await table.fill();
    await table.pool.query('CREATE TABLE public.source AS SELECT * FROM public.agent_test_history');
    await fence(table.context());
    const merge = (matched: string) =>
      table.pool.query(
        `MERGE INTO public.agent_test_history t USING public.source s ON t.id = s.id ${matched}`,
      );
    await expect(merge("WHEN MATCHED THEN UPDATE SET summary = 'x'")).rejects.toMatchObject(refused);
    await expect(
      merge(
        'WHEN NOT MATCHED THEN INSERT (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed) VALUES (s.id, s.agent_context_id, s.scenario, true, 1, 0)',
      ),
    ).rejects.toMatchObject(refused);
    await expect(
      table.pool.query(`WITH w AS (${INSERT} RETURNING id) SELECT FROM w`, [context]),
    ).rejects.toMatchObject(refused);
    await expect(
      table.superuser.query("COPY public.agent_test_history (id) FROM PROGRAM 'true'"),
    ).rejects.toMatchObject(refused);
    expect(await table.rows()).toBe(3);
  });

  test('what a subscription brings: INSERT, UPDATE and TRUNCATE, so that its worker stops', async () => {
    await table.fill();
    await fence(table.context());
    const { rows: before } = await table.pool.query(
      'SELECT id, summary FROM public.agent_test_history ORDER BY id',
    );
    const publisher = `publisher_${String(number)}`;
    await dba.query(`CREATE DATABASE ${publisher}`);
    const there = createPool({ url: server.urlOf('postgres', publisher), name: 'publisher', connections: 1 });
    const { id } = before[0] as { id: string };
    const drop = () => table.superuser.query(`DROP SUBSCRIPTION IF EXISTS hard`);
    try {
      await there.query(
        'CREATE TABLE agent_test_history (id uuid PRIMARY KEY, summary text); CREATE PUBLICATION hard FOR TABLE agent_test_history',
      );
      await there.query('INSERT INTO agent_test_history VALUES ($1)', [id]);
      for (const statement of [
        `UPDATE agent_test_history SET summary = 'from elsewhere'`,
        'INSERT INTO agent_test_history VALUES (gen_random_uuid())',
        'TRUNCATE agent_test_history',
      ]) {
        await there.query("SELECT pg_create_logical_replication_slot('hard', 'pgoutput')");
        await table.superuser.query(
          `CREATE SUBSCRIPTION hard CONNECTION '${server.urlOf('postgres', publisher)}' PUBLICATION hard
           WITH (create_slot = false, slot_name = 'hard', copy_data = false, disable_on_error = true)`,
        );
        await there.query(statement);
        await until(`the worker stops for ${statement}`, async () => {
          const { rows } = await table.superuser.query<{ subenabled: boolean }>(
            "SELECT subenabled FROM pg_subscription WHERE subname = 'hard'",
          );
          return rows[0]?.subenabled === false;
        });
        await drop();
      }
    } finally {
      await drop().catch(() => undefined);
      await there.end();
    }
    const { rows: after } = await table.pool.query(
      'SELECT id, summary FROM public.agent_test_history ORDER BY id',
    );
    expect(after).toEqual(before);
    const { refused: writes } = await retireCheck(table.context());
    expect(writes?.map(({ operation }) => operation)).toEqual(
      expect.arrayContaining(['insert', 'update', 'truncate']),
    );
  });
});

test('a prepared transaction that has written is named, and waited for; nothing is half built', async () => {
  const context = await table.fill();
  const client = await table.writer.connect();
  await client.query('BEGIN');
  await client.query(INSERT, [context]);
  await client.query("PREPARE TRANSACTION 'left open'");
  client.release();
  await expect(fence(table.context())).rejects.toMatchObject({
    code: 'TABLE_LOCKED',
    message: expect.stringContaining('left open') as string,
  });
  expect((await readFence(table.pool)).fence).toBeNull();
  expect(await currentStage(table.pool)).toBe('soaking');
  await table.writer.query("COMMIT PREPARED 'left open'");
  await fence(table.context());
  expect(await table.rows()).toBe(4);
});

test('a prepared transaction of another table, from before the fence, is named as what an archive may have missed', async () => {
  const context = await table.fill();
  const client = await table.writer.connect();
  await client.query('BEGIN');
  await client.query("UPDATE public.agent_contexts SET organization_id = 'x' WHERE id = $1", [context]);
  await client.query("PREPARE TRANSACTION 'from before'");
  client.release();
  await fence(table.context());
  const fenceXid = (await readFence(table.pool)).fence?.xid ?? '';
  const archive = { id: 'a', isBehind: false } as VerifiedArchive;
  const [refusal] = await archiveRefusals(table.pool, { archive, fenceXid });
  expect(refusal).toContain(`from before (role ${table.writerName}`);
  await table.writer.query("ROLLBACK PREPARED 'from before'");
});

test('a foreign key to the table is named as what keeps it from being dropped', async () => {
  await table.fill();
  await table.pool.query(
    'CREATE TABLE public.comment (history uuid REFERENCES public.agent_test_history ON DELETE CASCADE)',
  );
  const { dependents } = await retireCheck(table.context());
  expect(dependents).toEqual([expect.stringContaining('comment_history_fkey')]);
});

test('a partition that is attached behind the fence is a hole, and so is every trigger that the owner changes', async () => {
  await table.fill();
  await table.pool.query(`
    ALTER TABLE public.agent_test_history RENAME TO old_history;
    CREATE TABLE public.agent_test_history (LIKE public.old_history INCLUDING DEFAULTS) PARTITION BY LIST (scenario);
    CREATE TABLE public.attached (LIKE public.old_history INCLUDING DEFAULTS);
    INSERT INTO public.attached SELECT * FROM public.old_history`);
  await fence(table.context());
  expect(isFenced(await readFence(table.pool))).toBe(true);
  await table.pool.query(
    "ALTER TABLE public.agent_test_history ATTACH PARTITION public.attached FOR VALUES IN ('quality_evaluation')",
  );
  expect((await readFence(table.pool)).holes).toEqual([
    'trigger history_cdc_fence on attached: missing',
    'trigger history_cdc_fence_delete on attached: missing',
  ]);
  await table.pool.query('ALTER TABLE public.agent_test_history DETACH PARTITION public.attached');
  expect(isFenced(await readFence(table.pool))).toBe(true);
  for (const [change, back] of [
    ['DISABLE TRIGGER history_cdc_fence', 'ENABLE ALWAYS TRIGGER history_cdc_fence'],
    ['DISABLE TRIGGER history_cdc_fence_row_delete', 'ENABLE ALWAYS TRIGGER history_cdc_fence_row_delete'],
    ['ENABLE REPLICA TRIGGER history_cdc_fence_row', 'ENABLE ALWAYS TRIGGER history_cdc_fence_row'],
  ]) {
    await table.superuser.query(`ALTER TABLE public.agent_test_history ${change ?? ''}`);
    expect(isFenced(await readFence(table.pool))).toBe(false);
    await table.superuser.query(`ALTER TABLE public.agent_test_history ${back ?? ''}`);
    expect(isFenced(await readFence(table.pool))).toBe(true);
  }
  await table.pool.query('ALTER TRIGGER history_cdc_fence ON public.agent_test_history RENAME TO other');
  expect(isFenced(await readFence(table.pool))).toBe(false);
  await unfence(table.context());
  const { rows } = await table.pool.query(
    "SELECT tgname FROM pg_trigger WHERE tgname = 'other' OR tgname LIKE 'history_cdc%'",
  );
  expect(rows).toEqual([]);
});

test('an event trigger that refuses the fence is told with its own words, and nothing is half built', async () => {
  await table.fill();
  await table.superuser.query(`
    CREATE FUNCTION public.change_freeze() RETURNS event_trigger LANGUAGE plpgsql
      AS $$BEGIN RAISE 'change freeze until Monday' USING ERRCODE = 'insufficient_privilege'; END$$;
    CREATE EVENT TRIGGER change_freeze ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION public.change_freeze()`);
  await expect(fence(table.context())).rejects.toMatchObject({
    code: 'OWNER_REQUIRED',
    message: expect.stringContaining('change freeze until Monday') as string,
  });
  expect((await readFence(table.pool)).fence).toBeNull();
  await table.superuser.query('DROP EVENT TRIGGER change_freeze');
  await fence(table.context());
});
