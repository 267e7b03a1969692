import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { retiredOr } from '../../consumers/agent-test-history/schema/retired.ts';
import { loadConfig } from '../../lib/config.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { createPool } from '../../lib/postgres.ts';
import type { DoctorReport } from '../../operations/doctor/doctor.ts';
import { FENCE_SQL } from '../../operations/fence/script.ts';
import type { RetiredReport } from '../../operations/status/after-drop.ts';
import { Verifier } from '../../operations/verification/verifier.ts';
import { dropSlot } from '../support/drop-slot.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { recordArchive, recordDrop } from './retired-stage.ts';
import { useRetiredTable } from './retired.ts';

const table = useRetiredTable();
const SLOT = `after_${randomBytes(6).toString('hex')}`;
const DROP = 'DROP TABLE public.agent_test_history';

const settings = () => ({
  DATABASE_URL: table().open.database.url,
  SLOT_NAME: SLOT,
  KAFKA_BROKERS: '127.0.0.1:1',
  CONNECT_URL: 'http://127.0.0.1:1',
  CONNECTOR_DATABASE_URL: table().open.database.connectorUrl,
  LOG_LEVEL: 'silent',
});

async function status(): Promise<{
  code: number;
  report: RetiredReport;
  severities: Record<string, string>;
}> {
  const { code, stdout } = await runInProcess(['status', '--json'], settings());
  const report = JSON.parse(stdout) as RetiredReport;
  const severities = Object.fromEntries(report.problems.map(({ id, severity }) => [id, severity]));
  return { code, report, severities };
}

test('status says who dropped the table, and what is left: slot, projector, and what gives no answer', async () => {
  const id = await recordDrop(table().pool);
  await table().pool.query(DROP);
  await table().superuser.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [SLOT]);
  const projector = createPool({
    url: table().open.database.url,
    name: 'history-cdc project',
    connections: 1,
  });
  try {
    await projector.query('SELECT');
    const { code, report, severities } = await status();
    expect(code).toBe(1);
    expect(report).toMatchObject({
      state: 'wrong',
      dropped: {
        ...{ recorded: true, by: 'the data owner', rows: 3, vanishedBehindFence: 1 },
        archive: { id, target: '/archive', standing: 'verified', drilled: false },
      },
    });
    expect(severities).toEqual({
      'projector-stopped': 'wrong',
      'left-slot': 'wrong',
      ...Object.fromEntries(
        ['stored-offset', 'connector', 'topics', 'group'].map((part) => [`left-${part}`, 'unknown']),
      ),
      'archive-drilled': 'attention',
    });
    const text = await runInProcess(['status'], settings());
    expect([text.code, text.stdout]).toEqual([1, expect.stringContaining(SLOT)]);
  } finally {
    await projector.end();
    await dropSlot((sql, values) => table().superuser.query(sql, values), SLOT);
  }
  expect((await status()).severities).not.toHaveProperty('left-slot');
});

test('doctor judges the same in its own form; a single check is refused', async () => {
  await recordDrop(table().pool, { drilled: true });
  await table().pool.query(DROP);
  const { code, stdout } = await runInProcess(['doctor', '--json'], settings());
  const { checks, mayGoOn } = JSON.parse(stdout) as DoctorReport;
  const verdicts = Object.fromEntries(checks.map((check) => [check.id, check.verdict]));
  expect([code, mayGoOn]).toEqual([1, false]);
  expect(verdicts).toMatchObject({
    'table-gone': 'ok',
    'archive-stands': 'ok',
    'archive-drilled': 'ok',
    'left-slot': 'ok',
    'left-connector': 'unknown',
  });
  expect((await runInProcess(['doctor'], settings())).code).toBe(1);
  const one = await runInProcess(['doctor', '--only', 'legacy-table', '--json'], settings());
  expect([one.code, one.stderr]).toEqual([2, expect.stringContaining('"TABLE_RETIRED"')]);
});

test('a table of that name that was made again, and an archive that differs, are wrong', async () => {
  const id = await recordDrop(table().pool);
  expect((await status()).severities).toMatchObject({ 'table-gone': 'wrong' });
  await table().pool.query(DROP);
  expect((await status()).severities).not.toHaveProperty('table-gone');
  await recordArchive(table().pool, id, 'drill_differs');
  expect((await status()).severities).toMatchObject({ 'archive-stands': 'wrong' });
  await recordArchive(table().pool, id, 'erased');
  expect((await status()).severities).not.toHaveProperty('archive-stands');
});

test('a drop that was killed before it recorded the stage is seen, and not taken for a lost table', async () => {
  await recordDrop(table().pool, { stage: 'archived' });
  await table().pool.query(FENCE_SQL);
  await table().pool.query(`UPDATE history_cdc_fence.fence SET dropped_at = clock_timestamp(); ${DROP}`);
  const { code, report, severities } = await status();
  expect([code, report.dropped.recorded, report.next?.id]).toEqual([1, false, 'drop-recorded']);
  expect(severities).toMatchObject({ 'drop-recorded': 'wrong', 'left-fence': 'wrong' });
});

test('the verification that runs beside a projector ends with TABLE_RETIRED, and calls nothing failed', async () => {
  const lines: string[] = [];
  const verifier = new Verifier({
    config: loadConfig({ ...settings(), VERIFY_ROWS_PER_SECOND: '10000' }, undefined, [
      'DATABASE_URL',
      'LEGACY_DATABASE_URL',
    ]),
    cluster: JSON.parse('{}') as KafkaCluster,
    metrics: createMetrics(),
    logger: createLogger('info', (line) => lines.push(line)),
  });
  await table().pool.query(DROP);
  await recordDrop(table().pool);
  await expect(verifier.run()).rejects.toMatchObject({ code: 'TABLE_RETIRED' });
  await verifier.stop();
  expect(lines).toEqual([]);
});

test('what fails for want of a table is retired only if the table was dropped on purpose', async () => {
  const { pool } = table();
  await pool.query(DROP);
  const failed = await pool.query('SELECT FROM public.agent_test_history').catch((error: unknown) => error);
  expect(await retiredOr(failed, pool, pool)).toBe(failed);
  await recordDrop(pool);
  expect(await retiredOr(failed, pool, pool)).toMatchObject({ code: 'TABLE_RETIRED' });
  const other = new Error('another');
  expect(await retiredOr(other, pool, pool)).toBe(other);
});
