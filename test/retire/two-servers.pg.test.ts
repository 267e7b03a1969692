import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApplication } from '../../demo/generate.ts';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { readFence } from '../../operations/fence/state.ts';
import { close } from '../../operations/retire/close.ts';
import type { RetireContext } from '../../operations/retire/context.ts';
import { drop, TABLE } from '../../operations/retire/drop.ts';
import { fence } from '../../operations/retire/fence.ts';
import { newestStage } from '../../operations/soak/stages.ts';
import { hardRows } from '../archive/archived.ts';
import { LEGACY, rowsOf } from '../archive/restored.ts';
import { freshDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { OwnPostgres } from '../support/own-postgres.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { confirmAll, keepConfirming } from '../support/slot.ts';
import { MET, STANDS } from './retired.ts';

/*
 * The legacy table on a server of its own, the oldest that is supported, and the canonical tables on another one, which has given
 * out many more transaction ids. The table has every value that is easily mangled. The whole end: archive, fence, close, drop,
 * restore, evidence.
 */

const SLOT = 'history_cdc';
let server: OwnPostgres;
let legacy: Pool;
let dba: Pool;
let open: OpenDatabase;
let context: RetireContext;
let folder: string;

beforeAll(async () => {
  server = await OwnPostgres.start({ version: 14 });
  legacy = createPool({ url: server.urlOf('app'), name: 'test', connections: 4 });
  dba = createPool({ url: server.urlOf('postgres'), name: 'test dba', connections: 2 });
  await createApplication(legacy);
  open = await openMigratedDatabase();
  const topicId = randomUUID();
  await registerTopic(open.pool, { topicId, name: 'topic', partitions: 1 }, false);
  await dba.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [SLOT]);
  const topicEnds = () => Promise.resolve({ topicId, ends: new Map<number, bigint>() });
  context = {
    canonical: open.pool,
    legacy,
    gate: () => Promise.resolve(MET),
    standing: () => Promise.resolve(STANDS),
    stream: { legacy, slot: SLOT, topicEnds },
    settleSeconds: 60,
    fencedDays: 0,
    ownerUrl: server.urlOf('app'),
    by: 'the data owner',
    waitSeconds: 0,
    signal: new AbortController().signal,
    note: () => undefined,
  };
});
afterAll(async () => {
  await Promise.all([legacy.end(), dba.end()]);
  await open.close();
  await server.stop();
});

const run = async (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  await runInProcess(args, {
    DATABASE_URL: open.database.url,
    LEGACY_DATABASE_URL: server.urlOf('app'),
    ARCHIVE_TARGET: `${folder}/archive`,
    LOG_LEVEL: 'silent',
    ...more,
  });
const ends = async (args: readonly string[], more: Readonly<Record<string, string>> = {}) => {
  const { code, stdout, stderr } = await run(args, more);
  expect({ args, code, stderr: code === 0 ? '' : stderr, stdout: code === 0 ? '' : stdout }).toEqual({
    args,
    code: 0,
    stderr: '',
    stdout: '',
  });
};

const xidOn = async (pool: Pool) =>
  BigInt((await pool.query<{ xid: string }>('SELECT pg_current_xact_id()::text AS xid')).rows[0]?.xid ?? 0);

test('the whole end, with one database on each server', async () => {
  folder = temporaryFolder();
  const rows = await hardRows(legacy);
  const before = await rowsOf(legacy, LEGACY);
  expect(await xidOn(open.pool)).not.toBe(await xidOn(legacy));

  // The owner of the table that lies on the other server, or of no such table, is not the owner of this one.
  await expect(fence({ ...context, ownerUrl: open.database.url })).rejects.toMatchObject({
    code: 'OWNER_REQUIRED',
  });
  expect((await readFence(legacy)).fence).toBeNull();

  await ends(['archive', 'export']);
  await ends(['archive', 'verify']);
  await fence(context);
  expect((await readFence(open.pool)).fence).toBeNull();
  await expect(legacy.query("UPDATE public.agent_test_history SET summary = 'x'")).rejects.toMatchObject({
    code: '42501',
  });
  const atOnce = () => close({ ...context, settleSeconds: 0 });
  await expect(atOnce()).rejects.toMatchObject({ code: 'GATE_NOT_MET' });

  const { rows: clock } = await open.pool.query<{ now: Date }>(
    "SELECT clock_timestamp() + interval '1 ms' AS now",
  );
  const whole = { runId: '1', verdict: 'proven', startedAt: clock[0]?.now, stale: null };
  context = { ...context, standing: () => Promise.resolve({ ...STANDS, whole } as unknown as typeof STANDS) };
  await expect(atOnce()).rejects.toMatchObject({
    message: expect.stringContaining('were open') as string,
  });
  await ends(['archive', 'verify']);
  await confirmAll(dba, SLOT);
  expect(await close(context)).toMatchObject({ stage: 'archived', evidence: { rows: String(rows) } });

  // A superuser of the legacy server writes behind the fence, and puts it back.
  await dba.query(`
    BEGIN; SET LOCAL session_replication_role = replica;
    ALTER TABLE public.agent_test_history DISABLE TRIGGER history_cdc_fence, DISABLE TRIGGER history_cdc_fence_row;
    UPDATE public.agent_test_history SET summary = summary WHERE id = (SELECT id FROM public.agent_test_history LIMIT 1);
    ALTER TABLE public.agent_test_history ENABLE ALWAYS TRIGGER history_cdc_fence, ENABLE ALWAYS TRIGGER history_cdc_fence_row;
    COMMIT`);
  const stopBeating = keepConfirming(dba, SLOT);
  try {
    await expect(drop(context, TABLE)).rejects.toMatchObject({ code: 'WRITTEN_SINCE_VERIFIED' });
    await ends(['archive', 'verify']);
    await drop(context, TABLE);
  } finally {
    await stopBeating();
  }
  expect(await newestStage(open.pool)).toMatchObject({
    stage: 'dropped',
    evidence: { rows, vanishedBehindFence: 0 },
  });
  const gone = await legacy.query(
    "SELECT to_regclass('public.agent_test_history') AS t, to_regnamespace('history_cdc_fence') AS f",
  );
  expect(gone.rows).toEqual([{ t: null, f: null }]);
  // The canonical server has a table of the same name. No step may touch that one.
  expect((await readFence(open.pool)).tableOid).not.toBeNull();

  const other = await freshDatabase();
  const restored = createPool({ url: other.url, name: 'test', connections: 1 });
  try {
    await ends(['archive', 'restore', '--apply'], { RESTORE_DATABASE_URL: other.url });
    expect(await rowsOf(restored, LEGACY)).toEqual(before);
  } finally {
    await restored.end();
    await other.drop();
  }
  await ends(['evidence', 'export', `${folder}/evidence.jsonl`]);
  await ends(['evidence', 'verify', `${folder}/evidence.jsonl`]);
});
