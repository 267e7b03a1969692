import { describe, expect, test } from 'vitest';
import type { Pool } from '../../lib/postgres.ts';
import { recordRefusedWrites } from '../../operations/fence/refused-writes.ts';
import { isFenced, readFence } from '../../operations/fence/state.ts';
import { fence, unfence } from '../../operations/retire/fence.ts';
import { currentStage } from '../../operations/soak/stages.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { INSERT, MET, useRetiredTable } from './retired.ts';

const table = useRetiredTable();

const refused = { code: '42501', message: expect.stringContaining('is fenced since') as string };
const UPDATE = 'UPDATE public.agent_test_history SET summary = $1';
const DELETE = 'DELETE FROM public.agent_test_history';
const TRUNCATE = 'TRUNCATE public.agent_test_history';

/** Every right on the table and its columns, with grantor and grant option. */
const RIGHTS = `
  SELECT relname, relacl::text, attname, attacl::text FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND attacl IS NOT NULL
  WHERE c.oid = 'public.agent_test_history'::regclass ORDER BY attname`;

const counts = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    ((await recordRefusedWrites(table().pool, table().pool)) ?? []).map((one) => [
      `${one.role} ${one.operation}`,
      one.statements,
    ]),
  );

const incidents = async () =>
  (
    await table().pool.query<{ detail: string }>(
      "SELECT detail FROM history_cdc.incident WHERE kind = 'fenced_write' ORDER BY id",
    )
  ).rows.map(({ detail }) => detail);

describe('behind the fence', () => {
  test('nobody writes: not a role with the rights, not the owner, not a superuser, not in replica mode', async () => {
    const context = await table().fill();
    await fence(table().context());
    for (const pool of [table().writer, table().pool, table().superuser]) {
      await expect(pool.query(INSERT, [context])).rejects.toMatchObject(refused);
      await expect(pool.query(UPDATE, ['x'])).rejects.toMatchObject(refused);
      await expect(pool.query(`${UPDATE} WHERE false`, ['x'])).rejects.toMatchObject(refused);
    }
    for (const pool of [table().pool, table().superuser])
      await expect(pool.query(TRUNCATE)).rejects.toMatchObject(refused);
    for (const pool of [table().writer, table().superuser])
      await expect(pool.query(DELETE)).rejects.toMatchObject(refused);
    const replica = await table().superuser.connect();
    await replica.query('SET session_replication_role = replica');
    await expect(replica.query(INSERT, [context])).rejects.toMatchObject(refused);
    replica.release(true);
    expect(await table().rows()).toBe(3);
    const superuser =
      (await table().superuser.query<{ name: string }>('SELECT current_user::text AS name')).rows[0]?.name ??
      '';
    expect(await counts()).toEqual({
      [`${table().writerName} insert`]: 1,
      [`${table().writerName} update`]: 2,
      [`${table().writerName} delete`]: 1,
      'app insert': 1,
      'app update': 2,
      'app truncate': 1,
      [`${superuser} insert`]: 2,
      [`${superuser} update`]: 2,
      [`${superuser} delete`]: 1,
      [`${superuser} truncate`]: 1,
    });
  });

  test('a view, a function with the rights of its owner, and ON CONFLICT get no further, and are named by who logged in', async () => {
    const context = await table().fill();
    await table().pool.query(`
      CREATE VIEW public.recent AS SELECT * FROM public.agent_test_history;
      GRANT SELECT, INSERT, UPDATE, DELETE ON public.recent TO ${table().writerName};
      CREATE FUNCTION public.record(context uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
        AS $$INSERT INTO public.agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed) VALUES (gen_random_uuid(), context, 's', true, 1, 0)$$`);
    await fence(table().context());
    const { writer } = table();
    await expect(
      writer.query(INSERT.replace('agent_test_history', 'recent'), [context]),
    ).rejects.toMatchObject(refused);
    await expect(writer.query("UPDATE public.recent SET summary = 'x'")).rejects.toMatchObject(refused);
    await expect(writer.query('SELECT public.record($1)', [context])).rejects.toMatchObject(refused);
    await expect(writer.query(`${INSERT} ON CONFLICT DO NOTHING`, [context])).rejects.toMatchObject(refused);
    expect(await counts()).toEqual({
      [`${table().writerName} insert`]: 3,
      [`${table().writerName} update`]: 1,
    });
  });

  test('a deleted context still takes its rows with it, whoever deletes it; and the owner may delete', async () => {
    const [first, second] = [await table().fill(), await table().fill()];
    await fence(table().context());
    await table().writer.query('DELETE FROM public.agent_contexts WHERE id = $1', [first]);
    expect(await table().rows()).toBe(3);
    await table().superuser.query('DELETE FROM public.agent_contexts WHERE id = $1', [second]);
    expect(await table().rows()).toBe(0);
    await table().pool.query(DELETE);
    expect(await counts()).toEqual({});
  });

  test('a role that came after the fence is counted as another role; each new number is an incident of its own', async () => {
    const context = await table().fill();
    await fence(table().context());
    await expect(table().writer.query(INSERT, [context])).rejects.toMatchObject(refused);
    await counts();
    await counts();
    expect(await incidents()).toEqual([expect.stringContaining(table().writerName)]);
    const later = `${table().writerName}_later`;
    await table().superuser.query(
      `CREATE ROLE ${later} LOGIN PASSWORD 'secret'; GRANT INSERT ON public.agent_test_history TO ${later}`,
    );
    const client = await table().superuser.connect();
    await client.query(`SET SESSION AUTHORIZATION ${later}`);
    await expect(client.query(INSERT, [context])).rejects.toMatchObject(refused);
    client.release(true);
    expect(await counts()).toEqual({ [`${table().writerName} insert`]: 1, 'another role insert': 1 });
    expect(await incidents()).toHaveLength(2);
    await table().superuser.query(`DROP OWNED BY ${later}; DROP ROLE ${later}`);
  });
});

test('a partition is fenced under its own name, too, and so is one that comes later', async () => {
  await table().fill();
  await table().pool.query(`
    ALTER TABLE public.agent_test_history RENAME TO old_history;
    CREATE TABLE public.agent_test_history (LIKE public.old_history INCLUDING DEFAULTS) PARTITION BY HASH (id);
    CREATE TABLE public.history_0 PARTITION OF public.agent_test_history FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    INSERT INTO public.history_0 SELECT * FROM public.old_history WHERE satisfies_hash_partition('public.agent_test_history'::regclass, 2, 0, id)`);
  await fence(table().context());
  await table().pool.query(
    'CREATE TABLE public.history_1 PARTITION OF public.agent_test_history FOR VALUES WITH (MODULUS 2, REMAINDER 1)',
  );
  const copied = (part: string, n: number) =>
    `INSERT INTO public.${part} SELECT * FROM (SELECT gen_random_uuid() AS id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed
       FROM public.old_history CROSS JOIN generate_series(1, 50)) AS r WHERE satisfies_hash_partition('public.agent_test_history'::regclass, 2, ${String(n)}, id)`;
  const into = (part: string, n: number) =>
    table().superuser.query(
      copied(part, n).replace(
        ' SELECT * FROM (',
        ' (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed) SELECT * FROM (',
      ),
    );
  await expect(into('history_0', 0)).rejects.toMatchObject(refused);
  await expect(into('history_1', 1)).rejects.toMatchObject(refused);
  await expect(table().superuser.query('TRUNCATE public.history_0')).rejects.toMatchObject(refused);
  await expect(table().superuser.query('DELETE FROM public.history_0')).rejects.toMatchObject(refused);
  expect((await readFence(table().pool)).holes).toEqual([
    'trigger history_cdc_fence on history_1: missing',
    'trigger history_cdc_fence_delete on history_1: missing',
  ]);
  await unfence(table().context());
  await into('history_0', 0);
});

test('the owner, and nobody else, in the same database, and nowhere else', async () => {
  await table().fill();
  const required = { code: 'OWNER_REQUIRED' };
  const url = new URL(table().open.database.url);
  url.pathname = '/postgres';
  const asWriter = table().writer.options.connectionString;
  for (const ownerUrl of [undefined, asWriter, url.href])
    await expect(fence(table().context({ ownerUrl }))).rejects.toMatchObject(required);
  await fence(table().context({ ownerUrl: table().open.database.superuserUrl }));
  const owner = await table().pool.query(
    "SELECT pg_get_userbyid(proowner)::text AS name FROM pg_proc WHERE oid = 'history_cdc_fence.refuse()'::regprocedure",
  );
  expect(owner.rows).toEqual([{ name: 'app' }]);
});

test('the commands: a gate that is not met is a no, a step without a name is misuse, and the script is one for psql', async () => {
  await table().fill();
  const settings = {
    DATABASE_URL: table().open.database.url,
    OWNER_DATABASE_URL: table().open.database.url,
    KAFKA_BROKERS: '127.0.0.1:1',
    LOG_LEVEL: 'silent',
  };
  const run = (...args: string[]) => runInProcess(['retire', ...args], settings);
  const check = await run('check', '--json');
  expect([check.code, JSON.parse(check.stdout)]).toEqual([
    1,
    expect.objectContaining({
      stage: 'soaking',
      next: 'fence',
      role: 'app',
      fence: null,
      locks: [],
      dependents: [],
    }),
  ]);
  expect(await run('close')).toMatchObject({ code: 1 });
  expect(await run('unfence')).toMatchObject({ code: 0 });
  expect(await run('fence', '--apply')).toMatchObject({ code: 2 });
  expect(await run('fence', '--apply', '--by', 'the data owner')).toMatchObject({ code: 1 });
  const { stdout: script } = await run('fence', '--print');
  await table().superuser.query(script);
  expect(isFenced(await readFence(table().pool))).toBe(true);
  await table().superuser.query((await run('unfence', '--print')).stdout);
  expect((await readFence(table().pool)).fence).toBeNull();
});

describe('the way there and back', () => {
  test('records the stages, changes no right, and leaves nothing behind', async () => {
    const context = await table().fill();
    await table().pool.query(`
      GRANT INSERT, UPDATE ON public.agent_test_history TO ${table().writerName} WITH GRANT OPTION;
      GRANT UPDATE (summary) ON public.agent_test_history TO PUBLIC`);
    await table().writer.query('GRANT INSERT ON public.agent_test_history TO PUBLIC');
    const before = (await table().pool.query(RIGHTS)).rows;
    const fenced = await fence(table().context());
    expect(fenced.stage).toMatchObject({
      stage: 'fenced',
      performedBy: 'the data owner',
      evidence: { fence: fenced.state.fence?.id, lsn: expect.any(String) as string },
    });
    expect((await table().pool.query(RIGHTS)).rows).toEqual(before);
    await expect(table().writer.query(INSERT, [context])).rejects.toMatchObject(refused);
    await unfence(table().context());
    expect(await currentStage(table().pool)).toBe('soaking');
    expect((await table().pool.query(RIGHTS)).rows).toEqual(before);
    const left = await table().pool.query("SELECT FROM pg_trigger WHERE tgname LIKE 'history_cdc_fence%'");
    expect(left.rows).toEqual([]);
    expect((await table().pool.query("SELECT to_regnamespace('history_cdc_fence') AS it")).rows).toEqual([
      { it: null },
    ]);
    expect(await incidents()).toHaveLength(1);
    await table().writer.query(INSERT, [context]);
    await fence(table().context());
  });

  test('a command that was killed after the fence was built is run again, and records it', async () => {
    await table().fill();
    const gate = async () => {
      if (isFenced(await readFence(table().pool))) throw new Error('killed');
      return MET;
    };
    await expect(fence(table().context({ gate }))).rejects.toThrow('killed');
    expect(await currentStage(table().pool)).toBe('soaking');
    await fence(table().context({ ownerUrl: undefined }));
    expect(await currentStage(table().pool)).toBe('fenced');
  });

  test('the gate that is not met, and a foreign key that updates, refuse it', async () => {
    await table().fill();
    const gate = () =>
      Promise.resolve({
        ...MET,
        allMet: false,
        conditions: [{ id: 'archive', state: 'not_met', missing: 'no archive' }],
      } as never);
    await expect(fence(table().context({ gate }))).rejects.toMatchObject({ code: 'GATE_NOT_MET' });
    await table().pool.query(`
      ALTER TABLE public.agent_test_history ADD previous uuid REFERENCES public.agent_contexts ON DELETE SET NULL`);
    await expect(fence(table().context())).rejects.toMatchObject({ code: 'GATE_NOT_MET' });
    expect(isFenced(await readFence(table().pool))).toBe(false);
  });
});

describe('a lock on the table:', () => {
  async function held(pool: Pool, statement: string, values: unknown[] = []) {
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query(statement, values);
    return client;
  }

  test('a reader does not hold the fence up, but the way back; a writer is named, and waited for', async () => {
    const context = await table().fill();
    const reading = await held(table().writer, 'SELECT FROM public.agent_test_history');
    await fence(table().context());
    await expect(unfence(table().context())).rejects.toMatchObject({
      code: 'TABLE_LOCKED',
      message: expect.stringContaining(table().writerName) as string,
    });
    await reading.query('COMMIT');
    reading.release();
    await unfence(table().context());
    const writing = await held(table().writer, INSERT, [context]);
    await expect(fence(table().context())).rejects.toMatchObject({
      code: 'TABLE_LOCKED',
      message: expect.stringContaining('RowExclusiveLock') as string,
    });
    let tries = 0;
    const note = () => {
      if (++tries === 1) void writing.query('COMMIT');
    };
    await fence(table().context({ waitSeconds: 30, note }));
    writing.release();
    expect(await table().rows()).toBe(4);
  });
});
