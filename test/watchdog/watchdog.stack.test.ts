import { expect, test } from 'vitest';
import { applyConnector } from '../../operations/connector/apply.ts';
import { connectClient } from '../../connectors/deploy/target.ts';
import { readStoredOffset } from '../../operations/facts/connect.ts';
import { resumeConnector } from '../../operations/connector/resume.ts';
import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import { askConnect } from '../support/ask-connect.ts';
import { differences } from '../support/canonical.ts';
import type { Command } from '../support/command.ts';
import { usePipeline } from '../support/pipeline.ts';
import { serviceOf, type Service } from '../support/service.ts';
import { until } from '../support/until.ts';

/*
 * What the watchdog of a running projector sees, each by breaking it on the real servers. One story, in its order.
 */
const QUICK = { WATCHDOG_SECONDS: '1', WATCHDOG_STALL_SECONDS: '1', WATCHDOG_RESTARTS: '1' };
const RUNS = 40;

const pipeline = usePipeline({
  partitions: 2,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, RUNS);
  },
});

let projector: Command;
let service: Service;

async function startProjector(args: readonly string[] = []): Promise<void> {
  projector = pipeline().start(['project', ...args], QUICK);
  service = await serviceOf(projector);
}

async function ready(): Promise<void> {
  await projector.while('it is ready', async () => (await service.ready()).status === 200);
}

async function unready(reason: string): Promise<void> {
  await projector.while(
    `it says: ${reason}`,
    async () => (await service.ready()).reason?.includes(reason) === true,
  );
}

const ignored = () => undefined;
const resumed = () => resumeConnector(pipeline().config, { note: ignored });

async function connector<T>(method: string, path: string): Promise<T> {
  const { CONNECT_URL, CONNECTOR_NAME } = pipeline().config;
  return (await askConnect(`${CONNECT_URL}/connectors/${CONNECTOR_NAME}${path}`, method)).body as T;
}

async function taskState(): Promise<string | undefined> {
  const { tasks } = await connector<{ tasks: { state: string }[] }>('GET', '/status');
  return tasks[0]?.state;
}

const openGaps = () =>
  pipeline().query<{ id: string; kind: string; accepted: boolean }>(
    'SELECT id::text, kind, accepted_at IS NOT NULL AS accepted FROM history_cdc.gap WHERE closed_at IS NULL ORDER BY id',
  );

async function onlyGap(): Promise<string> {
  const [gap, ...others] = await openGaps();
  expect(others).toEqual([]);
  return gap?.id ?? 'none is open';
}

/** The topic takes no record of the size that a row has, so the task fails for good; then it does again. */
async function failTheTask(runs: number): Promise<void> {
  await limitOfMessages('100');
  await insertRuns(pipeline().pool, runs, runs);
  await until('the task has failed', async () => (await taskState()) === 'FAILED');
  await limitOfMessages('16777216');
}

async function limitOfMessages(bytes: string): Promise<void> {
  await pipeline().cluster.alterTopicConfig(pipeline().topic, {
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'max.message.bytes': bytes,
  });
}

test('a failed task is restarted, and the rows come; so often and no more', async () => {
  await failTheTask(RUNS + 1);
  await startProjector();
  await projector.logged('the connector has failed; it is restarted');
  await pipeline().delivered();
  await projector.while('the task runs', async () => (await taskState()) === 'RUNNING');
  await projector.while('everything is seen and recorded', async () => {
    const metrics = await service.metrics();
    const blind = [...metrics].filter(([name, value]) => name.includes('watchdog_blind') && value !== 0);
    const recorded = await pipeline().value(
      'SELECT array_agg(part ORDER BY part) FROM history_cdc.source_identity',
    );
    return blind.length === 0 && String(recorded) === 'publication,slot,system,timeline';
  });

  await failTheTask(RUNS + 2);
  await unready(
    'the connector has failed, and its restarts are used up; `history-cdc connector status` tells more',
  );
  expect(await taskState()).toBe('FAILED');
  await connector('POST', '/restart?includeTasks=true');
  await ready();
  await pipeline().delivered();
  expect((await service.metrics()).get('history_cdc_connector_restarts_total')).toBe(1);
});

test('the source moves and the ledger does not: it is not ready and says why, until it moves', async () => {
  const client = await pipeline().pool.connect();
  await client.query('BEGIN');
  await client.query('SELECT FROM history_cdc.consumer_offset FOR UPDATE');
  await insertRuns(pipeline().pool, RUNS + 3, RUNS + 4);
  await unready('and the topic ends at');
  expect((await service.metrics()).get('history_cdc_stalled{stage="projection"}')).toBe(1);
  await client.query('COMMIT');
  client.release();
  await ready();
  expect((await service.metrics()).get('history_cdc_stalled{stage="projection"}')).toBe(0);
  expect(projector.log.map(({ msg }) => msg).join('\n')).toMatch(/^stalled: .* and the topic ends at \d+$/m);
});

async function restartLsn(slot: string): Promise<bigint> {
  const restart = "SELECT (restart_lsn - '0/0')::text FROM pg_replication_slots WHERE slot_name = $1";
  return BigInt(await pipeline().value<string>(restart, [slot]));
}

async function storedOffset(): Promise<bigint> {
  const { config } = pipeline();
  const { lsn } = await readStoredOffset(connectClient(config), config.CONNECTOR_NAME);
  if (lsn === null) throw new Error('Kafka Connect has stored no offset');
  return lsn;
}

/** As a person does it, or a failover: what was written meanwhile is read by nobody. */
async function advanceTheSlot(): Promise<void> {
  const { SLOT_NAME: slot } = pipeline().config;
  await connector('PUT', '/stop');
  await until('the slot is free', async () => {
    const active = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
    return (await pipeline().asDba(active, [slot])).length === 0;
  });
  await insertRuns(pipeline().pool, RUNS + 5, RUNS + 8);
  // The test stack commits before the WAL is on disk, and a slot advances no further than that.
  const end = await pipeline().value<string>('SELECT pg_current_wal_insert_lsn()::text');
  await until('the rows are on disk', () =>
    pipeline().value<boolean>('SELECT pg_current_wal_flush_lsn() >= $1::pg_lsn', [end]),
  );
  // The slot's restart_lsn comes to lie beyond the stored offset, too: Debezium refuses to start from that offset then.
  for (let times = 0; times < 3; times += 1) await pipeline().asDba('SELECT pg_log_standby_snapshot()');
  await pipeline().asDba('CHECKPOINT');
  await pipeline().asDba('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [slot]);
  expect(await restartLsn(slot)).toBeGreaterThan(await storedOffset());
}

test('a slot that somebody advanced: it stops, and neither it nor the connector goes on', async () => {
  await advanceTheSlot();
  const { code, stderr } = await projector.ended;
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error STREAM_BROKEN: [^]*\n {2}- position: the slot is confirmed up to /m);
  expect(await openGaps()).toMatchObject([{ kind: 'position', accepted: false }]);
  expect(stderr).toContain(`history-cdc project --accept-gap ${await onlyGap()} `);

  const again = await pipeline().run(['project', '--until-caught-up']);
  expect(again).toMatchObject({ code: 2, stdout: '' });
  expect(again.stderr).toMatch(/^error (STREAM_BROKEN|GAP_OPEN): /m);
  await expect(resumed()).rejects.toMatchObject({ code: 'STREAM_BROKEN' });
  const applied = applyConnector(pipeline().config, { note: ignored });
  await expect(applied).rejects.toMatchObject({ code: 'STREAM_BROKEN' });
});

test('accepted, it goes on with the gap open; what is read again and then proven closes it', async () => {
  const gap = await onlyGap();
  await startProjector(['--accept-gap', gap]);
  await ready();
  expect(await openGaps()).toEqual([{ id: gap, kind: 'position', accepted: true }]);
  await resumed();

  await pipeline().asDba(`
    GRANT USAGE ON SCHEMA history_cdc_source TO app;
    GRANT SELECT, INSERT ON history_cdc_source.signal TO app;
    GRANT SELECT ON history_cdc_source.heartbeat TO app`);
  const reread = await pipeline().run(['snapshot', 'start', '--follow', '--interval', '1']);
  expect({ code: reread.code, stderr: reread.stderr }).toMatchObject({ code: 0 });
  expect(await onlyGap()).toBe(gap);
  const proven = await pipeline().run(['reconcile']);
  expect({ code: proven.code, stdout: proven.stdout }).toMatchObject({ code: 0 });
  expect(proven.stderr).toContain(`gap ${gap} of the stream is closed`);
  expect(await openGaps()).toEqual([]);
  expect(await differences(pipeline())).toEqual([]);
});

test('a publication that was dropped and made again: it stops, and the connector is not resumed', async () => {
  const { PUBLICATION_NAME: name } = pipeline().config;
  await ready();
  await pipeline().asDba(`DROP PUBLICATION ${name}`);
  await pipeline().asDba(
    `CREATE PUBLICATION ${name} FOR TABLE public.agent_test_history, history_cdc_source.signal, history_cdc_source.heartbeat`,
  );
  const { code, stderr } = await projector.ended;
  expect(code).toBe(2);
  expect(stderr).toMatch(/STREAM_BROKEN: [^]*- publication: (there is no such publication; )?recorded was "/);
  expect(await openGaps()).toMatchObject([{ kind: 'publication', accepted: false }]);
  await expect(resumed()).rejects.toMatchObject({ code: 'STREAM_BROKEN' });
});
