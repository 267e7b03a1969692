import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { withTurn } from '../../lib/retirement-turn.ts';
import { readFence } from '../../operations/fence/state.ts';
import { retireCheck } from '../../operations/retire/check.ts';
import { close } from '../../operations/retire/close.ts';
import type { RetireContext } from '../../operations/retire/context.ts';
import { drop, TABLE } from '../../operations/retire/drop.ts';
import { fence, unfence } from '../../operations/retire/fence.ts';
import { currentStage, newestStage } from '../../operations/soak/stages.ts';
import { dropSlot } from '../support/drop-slot.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { keepConfirming } from '../support/slot.ts';
import { INSERT, MET, STANDS, useRetiredTable } from './retired.ts';

const table = useRetiredTable();

const slots: string[] = [];
const beats: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of beats.splice(0)) await stop();
  for (const slot of slots.splice(0))
    await dropSlot((sql, values) => table().superuser.query(sql, values), slot);
});

const refused = (part: string) => ({
  code: 'GATE_NOT_MET',
  message: expect.stringContaining(part) as string,
});

/** A slot that has passed all there is, and a projector that has projected it. */
async function streamed(given: Partial<RetireContext> = {}): Promise<RetireContext> {
  const topicId = randomUUID();
  const slot = `retire_${randomBytes(6).toString('hex')}`;
  await table().superuser.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
  slots.push(slot);
  await registerTopic(table().pool, { topicId, name: 'topic', partitions: 1 }, false);
  beats.push(keepConfirming(table().superuser, slot));
  const topicEnds = () => Promise.resolve({ topicId, ends: new Map<number, bigint>() });
  const stream = { legacy: table().pool, slot, topicEnds };
  return table().context({ stream, settleSeconds: 60, standing, ...given });
}

/** Everything was compared since now. A Date has whole milliseconds, and the fence can be younger than one. */
const proven = { runId: '1', verdict: 'proven', startedAt: new Date(), stale: null };
let standing: RetireContext['standing'] = () => Promise.resolve(STANDS);
const reconciledNow = async () => {
  const { rows } = await table().pool.query<{ now: Date }>(
    "SELECT clock_timestamp() + interval '1 ms' AS now",
  );
  const whole = { ...proven, startedAt: rows[0]?.now ?? new Date(0) };
  return () => Promise.resolve({ ...STANDS, whole } as unknown as typeof STANDS);
};

const ARCHIVED = `
  WITH a AS (INSERT INTO history_cdc.archive (id, performed_by, target) VALUES (gen_random_uuid(), 'test', '/archive') RETURNING id)
  INSERT INTO history_cdc.archive_event (archive_id, performed_by, event, manifest_sha256, rows, snapshot_at, snapshot_lsn, snapshot)
  SELECT a.id, 'test', 'verified', '\\x00', (SELECT count(*) FROM public.agent_test_history), clock_timestamp(),
         pg_current_wal_insert_lsn(), pg_current_snapshot() FROM a`;

/** Fenced, compared and archived. */
async function closed(): Promise<RetireContext> {
  await table().fill();
  await fence(table().context());
  standing = await reconciledNow();
  const context = await streamed();
  await table().pool.query(ARCHIVED);
  await close(context);
  return context;
}

describe('the closing run', () => {
  test('is refused without each of its parts, and enters `archived` with what it rests on', async () => {
    await table().fill();
    await fence(table().context());
    standing = () => Promise.resolve(STANDS);
    const context = await streamed();
    await expect(close(context)).rejects.toMatchObject(refused('reconcile --fresh'));
    standing = await reconciledNow();
    const withProof = { ...context, standing };
    await expect(close(withProof)).rejects.toMatchObject(refused('no archive stands verified'));
    await table().pool.query(ARCHIVED);
    const silent = { ...context.stream, slot: 'none' };
    await expect(close({ ...withProof, settleSeconds: 0, stream: silent })).rejects.toMatchObject(
      refused('no slot none'),
    );
    expect(await close(withProof)).toMatchObject({
      stage: 'archived',
      evidence: { reconcileRun: '1', rows: '3', manifestSha256: '00' },
    });
    await table().pool.query(
      "INSERT INTO history_cdc.archive_event (archive_id, performed_by, event, manifest_sha256, rows) SELECT id, 'test', 'differs', '\\x00', 3 FROM history_cdc.archive",
    );
    await expect(drop(withProof, TABLE)).rejects.toMatchObject(refused('no archive stands verified'));
  });

  test('an archive whose snapshot is of a time when a transaction of before the fence was open is none', async () => {
    const context = await table().fill();
    const retirement = await streamed();
    const old = await table().writer.connect();
    await old.query('BEGIN');
    await old.query("UPDATE public.agent_contexts SET organization_id = 'x' WHERE id = $1", [context]);
    await fence(table().context());
    const standing = await reconciledNow();
    await table().pool.query(ARCHIVED);
    const { rows } = await old.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const named = `pid ${String(rows[0]?.pid)} (role ${table().writerName}, application test writer`;
    await expect(close({ ...retirement, standing })).rejects.toMatchObject(refused(named));
    await old.query('ROLLBACK');
    old.release();
    // A transaction that has begun since is none of them. Other tests on this server may have older ones.
    const young = await table().writer.connect();
    await young.query('BEGIN; SELECT pg_current_xact_id()');
    await expect(close({ ...retirement, standing })).rejects.toMatchObject({
      code: 'GATE_NOT_MET',
      message: expect.not.stringContaining(table().writerName) as string,
    });
    await young.query('ROLLBACK');
    young.release();
  });
});

describe('the drop', () => {
  test('goes through once, says what went, and leaves nothing of the fence behind', async () => {
    const context = await closed();
    await expect(drop(context, undefined)).rejects.toMatchObject({ code: 'NOT_CONFIRMED' });
    await table().pool.query(
      'DELETE FROM public.agent_test_history WHERE id = (SELECT min(id::text)::uuid FROM public.agent_test_history)',
    );
    await drop(context, TABLE);
    expect(await newestStage(table().pool)).toMatchObject({
      stage: 'dropped',
      evidence: { rows: 2, vanishedBehindFence: 1 },
    });
    const left = await table().pool.query(
      "SELECT to_regclass('public.agent_test_history') AS t, to_regnamespace('history_cdc_fence') AS f",
    );
    expect(left.rows).toEqual([{ t: null, f: null }]);
    await expect(unfence(context)).rejects.toMatchObject({ code: 'STAGE_NOT_ALLOWED' });
    expect(await retireCheck(context)).toMatchObject({ stage: 'dropped', next: 'teardown', refusals: [] });
    for (const command of ['reconcile', 'census', 'project', 'replay']) {
      const answer = await runInProcess([command, '--json'], {
        DATABASE_URL: table().open.database.url,
        KAFKA_BROKERS: '127.0.0.1:1',
        CONNECT_URL: 'http://127.0.0.1:1',
        CONNECTOR_DATABASE_URL: table().open.database.url,
        LOG_LEVEL: 'silent',
      });
      expect([command, answer.code, answer.stderr]).toEqual([
        command,
        2,
        expect.stringContaining('"TABLE_RETIRED"'),
      ]);
    }
  });

  test('is refused where a superuser wrote a row behind the fence, although the fence stands again', async () => {
    const context = await closed();
    const [row] = (
      await table().pool.query<{ id: string }>('SELECT id FROM public.agent_test_history LIMIT 1')
    ).rows;
    const disabled = async (statement: string) => {
      await table().superuser.query(`
        BEGIN; ALTER TABLE public.agent_test_history DISABLE TRIGGER USER; ${statement};
        ALTER TABLE public.agent_test_history ENABLE ALWAYS TRIGGER history_cdc_fence;
        ALTER TABLE public.agent_test_history ENABLE ALWAYS TRIGGER history_cdc_fence_row;
        ALTER TABLE public.agent_test_history ENABLE ALWAYS TRIGGER history_cdc_fence_delete;
        ALTER TABLE public.agent_test_history ENABLE ALWAYS TRIGGER history_cdc_fence_row_delete; COMMIT`);
    };
    await disabled(`UPDATE public.agent_test_history SET summary = summary WHERE id = '${row?.id ?? ''}'`);
    await expect(drop(context, TABLE)).rejects.toMatchObject({
      code: 'WRITTEN_SINCE_VERIFIED',
      message: expect.stringContaining(row?.id ?? '?') as string,
    });
    expect(await table().rows()).toBe(3);
    // Compared again, it is known.
    await table().pool.query(ARCHIVED);
    await drop(context, TABLE);
  });

  test('is refused while the fence has a hole, each of them', async () => {
    const context = await closed();
    const holes = [
      'ALTER TABLE public.agent_test_history DISABLE TRIGGER history_cdc_fence',
      'ALTER TABLE public.agent_test_history ENABLE TRIGGER history_cdc_fence_row',
      'DROP TRIGGER history_cdc_fence_row ON public.agent_test_history',
      "CREATE OR REPLACE FUNCTION history_cdc_fence.refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END'",
    ];
    for (const [n, hole] of holes.entries()) {
      await table().pool.query(hole);
      expect((await readFence(table().pool)).holes).toHaveLength(n < 2 ? n + 1 : n === 2 ? 2 : 3);
      await expect(drop(context, TABLE)).rejects.toMatchObject(refused('is not whole'));
    }
    expect(await table().rows()).toBe(3);
  });

  test('names the view that depends on the table, and is refused until the days are over and the gate is met', async () => {
    const context = await closed();
    await table().pool.query(
      'CREATE VIEW public.agent_context_summary AS SELECT agent_context_id FROM public.agent_test_history',
    );
    await expect(drop(context, TABLE)).rejects.toMatchObject(refused('agent_context_summary'));
    await table().pool.query('DROP VIEW public.agent_context_summary');
    await expect(drop({ ...context, fencedDays: 1 }, TABLE)).rejects.toMatchObject(refused('1 are demanded'));
    const gate = () => Promise.resolve({ ...MET, allMet: false });
    await expect(drop({ ...context, gate }, TABLE)).rejects.toMatchObject(refused('the gate'));
  });

  test('waits for a reader, names it, and does not keep others out', async () => {
    const context = await closed();
    const reading = await table().writer.connect();
    await reading.query('BEGIN; SELECT FROM public.agent_test_history');
    await expect(drop(context, TABLE)).rejects.toMatchObject({
      code: 'TABLE_LOCKED',
      message: expect.stringContaining(table().writerName) as string,
    });
    await reading.query('COMMIT');
    reading.release();
    expect(await currentStage(table().pool)).toBe('archived');
    await table().writer.query('SELECT FROM public.agent_test_history');
  });

  test('a command that was killed after the drop is run again, and records it', async () => {
    const context = await closed();
    const pool = table().pool;
    await pool.query(`
      CREATE FUNCTION public.killed() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'killed'; END$$;
      CREATE TRIGGER killed BEFORE INSERT ON history_cdc.stage FOR EACH ROW EXECUTE FUNCTION public.killed()`);
    await expect(drop(context, TABLE)).rejects.toThrow('killed');
    await pool.query('DROP TRIGGER killed ON history_cdc.stage');
    expect(await currentStage(pool)).toBe('archived');
    expect((await readFence(pool)).fence?.droppedAt).toBeInstanceOf(Date);
    expect(await drop(context, TABLE)).toMatchObject({ stage: 'dropped' });
  });

  test('and every other step wait for nobody: beside an export they are refused, by name', async () => {
    const context = await closed();
    await withTurn(table().pool, 'beside others', async () => {
      const since = /test \(pid \d+, role \w+, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/;
      const busy = {
        ...{ code: 'RETIREMENT_BUSY', message: expect.stringMatching(since) as string },
        wayOut: expect.stringMatching(/pg_terminate_backend\(\d+\)/) as string,
      };
      await expect(drop(context, TABLE)).rejects.toMatchObject(busy);
      await expect(unfence(context)).rejects.toMatchObject(busy);
      await withTurn(table().pool, 'beside others', () => Promise.resolve());
    });
    await unfence(context);
    expect(await currentStage(table().pool)).toBe('soaking');
    await table().pool.query(INSERT, [
      (await table().pool.query<{ id: string }>('SELECT id FROM public.agent_contexts LIMIT 1')).rows[0]?.id,
    ]);
  });
});
