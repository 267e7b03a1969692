/**
 * Each rule of observability/alerts.yml fires, and ends, under a real Prometheus, because the real thing is broken and
 * mended: projector, connector, slot, WAL, Postgres, quarantine, rows. The times of the rules are scaled down
 * (prometheus-server.ts). One story, in its order; `npm run test:alerts` runs it.
 */
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { pickPort } from '../../stack/ports.ts';
import { instanceOf, readState } from '../../stack/state.ts';
import { namesIn, RULES } from '../observability/rules.ts';
import { insertRuns, insertStory, seedOrganisations } from '../support/application-rows.ts';
import { expectedRunId } from '../support/canonical.ts';
import type { Command } from '../support/command.ts';
import { dropSlot } from '../support/drop-slot.ts';
import { storedRecords } from '../support/faults.ts';
import { usePipeline } from '../support/pipeline.ts';
import { prometheusIfAny, promtool } from '../support/promtool.ts';
import { endServer, startServersAgain } from '../support/servers.ts';
import { serviceOf, type Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { dashboards } from '../observability/dashboard-files.ts';
import { advanceSlot, limitMessages, resumed, stopConnector } from './broken-source.ts';
import { PrometheusServer } from './prometheus-server.ts';
import { SeenAlerts } from './seen-alerts.ts';

const programs = await prometheusIfAny();
const RUNS = 40;
const TWIN = '40000000-0000-4000-8000-000000000001';
const STRAGGLER = '40000000-0000-4000-8000-000000000002';
/** It needs a server without max_slot_wal_keep_size, which the stack's has on its command line. */
const NEVER_HERE = 'HistoryCdcWalUnbounded';

const pipeline = usePipeline({
  partitions: 2,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, RUNS);
    await insertStory(pool, { id: TWIN, summary: 'recorded twice', startedAt: '2026-04-01 10:00:00+00' });
  },
});

let prometheus: PrometheusServer;
let port: number;
let projector: Command;
let service: Service;
let runs = RUNS;
let brokenAt = Date.now();
const seen = new SeenAlerts();

beforeAll(async () => {
  port = await pickPort(new Set());
  const connect = readState(instanceOf(process.env, inject('instance')))?.ports.connectMetrics ?? 0;
  prometheus = await PrometheusServer.start({ projector: port, connect });
});
afterAll(async () => {
  await prometheus.stop();
});
beforeEach(() => void (brokenAt = Date.now()));

const fires = (...alerts: string[]) => seen.fires(prometheus, alerts, brokenAt);
const ends = (...alerts: string[]) => seen.ends(prometheus, alerts);

async function startProjector(
  settings: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<void> {
  projector = pipeline().start(['project', ...args], {
    ...{ WATCHDOG_SECONDS: '1', WATCHDOG_STALL_SECONDS: '2', WATCHDOG_RESTARTS: '30' },
    ...{ SWEEP_INTERVAL_SECONDS: '1', VERIFY_ROWS_PER_SECOND: '10000', VERIFY_AFTER_SECONDS: '1' },
    // Nobody listens there, so no message is ever delivered.
    ...{ WEBHOOK_URL: 'http://127.0.0.1:1/nobody', WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}` },
    HTTP_PORT: String(port),
    ...settings,
  });
  service = await serviceOf(projector);
}

async function stopProjector(): Promise<void> {
  projector.signal('SIGTERM');
  await projector.ended;
}

async function projected(): Promise<void> {
  await pipeline().delivered();
  const records = await pipeline().records();
  await projector.while('everything is projected', async () => (await storedRecords(pipeline())) >= records);
}

async function moreRuns(): Promise<void> {
  runs += 2;
  await insertRuns(pipeline().pool, runs - 1, runs);
}

async function explainIncidents(): Promise<void> {
  await pipeline().run(['soak', '--json']);
  const ids = await pipeline().query<{ id: string }>('SELECT id::text FROM history_cdc.incident');
  for (const { id } of ids)
    await pipeline().run(['soak', 'explain', id, '--by', 'a person', '--reason', 'a test broke it']);
}

test('no projector: it is down and nothing is heard, and Prometheus sends it on', async () => {
  await fires('ProjectorDown', 'NothingHeard', 'FactUnknown', 'WatchdogSilent', 'SoakSilent');
  await until('the receiver has it', () => prometheus.sent.has('HistoryCdcNothingHeard'));
});

test('a projector that neither watches nor verifies: that is said, and what is heard ends', async () => {
  await startProjector({ WATCHDOG_SECONDS: '0', VERIFY_ROWS_PER_SECOND: '0' });
  await ends('ProjectorDown', 'NothingHeard', 'FactUnknown');
  await fires('VerificationUnknown', 'WatchdogSilent', 'VerdictStale');
  expect((await pipeline().run(['soak'])).code).toBe(1);
  await ends('SoakSilent');
  await stopProjector();
  await startProjector();
  await projected();
  await ends('WatchdogSilent', 'VerificationUnknown');
  const { code, stderr } = await pipeline().run(['reconcile']);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  await ends('VerdictStale');
});

test('a connector that is stopped: nobody reads the slot, its WAL grows, and the room shrinks', async () => {
  await stopConnector(pipeline());
  await moreRuns();
  await fires('ConnectorDown', 'SlotInactive', 'DebeziumDisconnected', 'StreamStalled', 'NotReady');
  await pipeline().asDba(
    "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000)) FROM generate_series(1, 160)",
  );
  await fires('WalRoomLow');
  await resumed(pipeline());
  await fires('DebeziumBehind');
  await projected();
  await ends(
    'ConnectorDown',
    'SlotInactive',
    'DebeziumDisconnected',
    'StreamStalled',
    ...['DebeziumBehind', 'NotReady', 'WalRoomLow'],
  );
});

test('a task that fails again and again, because the topic takes no row of that size', async () => {
  const limit = (bytes: string) => limitMessages(pipeline(), bytes);
  await limit('100');
  await moreRuns();
  await fires('ConnectorRestarts');
  await limit('16777216');
  await projected();
});

test('a lock in Postgres: records wait, no offset moves, and transactions are tried again', async () => {
  const client = await pipeline().pool.connect();
  await client.query('BEGIN');
  await client.query('SELECT FROM history_cdc.consumer_offset FOR UPDATE');
  await moreRuns();
  await fires('ProjectionStalled', 'Lagging', 'TransactionRetries');
  await client.query('COMMIT');
  client.release();
  await projected();
  await ends('ProjectionStalled', 'Lagging');
});

test('sweeps that wait for a lock in vain', async () => {
  const client = await pipeline().pool.connect();
  await client.query('BEGIN');
  await client.query('LOCK TABLE history_cdc.agent_spelling');
  await fires('SweepsFail');
  await client.query('COMMIT');
  client.release();
});

test('a record that nobody can read waits in quarantine, until a person waives it', async () => {
  await pipeline().produce([{ key: null, value: Buffer.from('nonsense'), partition: 0 }]);
  await fires('Quarantined');
  await pipeline().run(['soak']);
  await fires('Incident');
  const id = await pipeline().value<string>('SELECT min(id) FROM history_cdc.quarantine');
  const waived = await pipeline().run([
    ...['quarantine', 'waive', '--id', id, '--by', 'a person', '--reason', 'no record of ours'],
  ]);
  expect(waived).toMatchObject({ code: 0 });
  await ends('Quarantined');
  await explainIncidents();
  await ends('Incident');
});

test("an owner's run that the live path missed, and a run with two canonical rows", async () => {
  await pipeline().query(
    `INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, triggered_by, dry_run, tested_at)
     VALUES ('https://shop.example/mcp', 'testing', 'passing', 'owner_test', false, '2026-05-01 09:00:00+00')`,
  );
  await insertStory(pipeline().pool, { id: STRAGGLER, startedAt: '2026-05-02 10:00:00+00' });
  await fires('Stragglers');
  const ours = expectedRunId(TWIN);
  await pipeline().query(
    `INSERT INTO agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed) VALUES ($1, 's', 't', true)`,
    [ours],
  );
  await pipeline().query(
    `INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, headline, triggered_by, dry_run, tested_at)
     SELECT agent_url, lifecycle_stage, overall_status, headline, 'owner_test', false, tested_at
     FROM agent_compliance_runs WHERE id = $1`,
    [ours],
  );
  await fires('TwinsBlocked');
  await pipeline().query('DELETE FROM agent_compliance_step_diagnostics WHERE run_id = $1', [ours]);
  await ends('TwinsBlocked');
  await explainIncidents();
});

test('a canonical row that somebody changed is found by the verification, and by reconcile', async () => {
  const ours = expectedRunId(STRAGGLER);
  const change = (headline: string | null) =>
    pipeline().query('UPDATE agent_compliance_runs SET headline = $2 WHERE id = $1', [ours, headline]);
  const before = await pipeline().value<string>('SELECT headline FROM agent_compliance_runs WHERE id = $1', [
    ours,
  ]);
  await change('changed by hand');
  expect((await pipeline().run(['reconcile'])).code).toBe(1);
  await fires('VerdictWrong', 'VerificationWrong');
  await change(before);
  await ends('VerificationWrong');
  expect((await pipeline().run(['reconcile'])).code).toBe(0);
  await ends('VerdictWrong');
  await explainIncidents();
});

test('messages that no receiver takes are given up after their time, until a person dismisses them', async () => {
  const given = async (condition: string) =>
    await pipeline().query<{ id: string }>(
      `SELECT id::text FROM history_cdc.webhook_message WHERE ${condition} ORDER BY id`,
    );
  await until('there is a message', async () => (await given('attempts > 0')).length > 0);
  await pipeline().query(
    "UPDATE history_cdc.webhook_message SET created_at = created_at - interval '99 days', next_attempt_at = clock_timestamp()",
  );
  await fires('WebhookGivenUp');
  const ids = await given('given_up_at IS NOT NULL AND dismissed_at IS NULL');
  for (const { id } of ids) await pipeline().run(['webhook', 'dismiss', '--id', id, '--by', 'a person']);
  await ends('WebhookGivenUp');
});

test('every metric that a rule or a dashboard asks for gives a series, and promtool accepts all that is served', async () => {
  await ends('Stragglers', 'SweepsFail', 'TransactionRetries');
  const rest = RULES.flatMap(({ expr }) => namesIn(expr));
  const silent: string[] = [];
  for (const expr of [...new Set([...rest, ...dashboards().flatMap(({ queries }) => queries)])])
    if ((await prometheus.query(expr)).length === 0) silent.push(expr);
  expect(silent).toEqual([]);
  // The agent's mark of a name that several attributes have.
  expect(await prometheus.query('{_objectname!=""}')).toEqual([]);
  if (programs === undefined) throw new Error('Prometheus is there, and promtool is not');
  const served = await (await fetch(`${service.url}/metrics`)).text();
  expect(promtool(programs, ['check', 'metrics'], { input: served })).toEqual({ code: 0, output: '' });
});

test('Kafka Connect is away: nobody hears of it, and the watchdog is blind', async () => {
  await endServer('connect', 'SIGKILL');
  await fires('ConnectUnheard', 'WatchdogBlind', 'FactUnknown');
  await startServersAgain();
  await ends('ConnectUnheard', 'WatchdogBlind', 'FactUnknown', 'DebeziumDisconnected', 'ConnectorRestarts');
  await ends('ConnectorDown', 'SlotInactive');
});

test('a slot that somebody advanced stops the projector; once accepted, the gap stays open until it is proven', async () => {
  await stopConnector(pipeline());
  await moreRuns();
  await advanceSlot(pipeline());
  expect((await projector.ended).code).toBe(2);
  await fires('ProjectorDown', 'NothingHeard');
  const gap = await pipeline().value<string>('SELECT max(id)::text FROM history_cdc.gap');
  await startProjector({}, ['--accept-gap', gap]);
  await fires('GapOpen');
  await resumed(pipeline());
  await pipeline().asDba(`
    GRANT USAGE ON SCHEMA history_cdc_source TO app;
    GRANT SELECT, INSERT ON history_cdc_source.signal TO app;
    GRANT SELECT ON history_cdc_source.heartbeat TO app`);
  expect(await pipeline().run(['snapshot', 'start', '--follow', '--interval', '1'])).toMatchObject({
    code: 0,
  });
  expect(await pipeline().run(['reconcile'])).toMatchObject({ code: 0 });
  await ends('GapOpen', 'ProjectorDown', 'NothingHeard');
});

test('a slot that is gone, where no watchdog stops the projector', async () => {
  await stopProjector();
  await startProjector({ WATCHDOG_SECONDS: '0' });
  await stopConnector(pipeline());
  const { SLOT_NAME: slot } = pipeline().config;
  await dropSlot((sql, values) => pipeline().asDba(sql, values), slot);
  await fires('SlotLost');
  await pipeline().asDba("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
  await ends('SlotLost');
});

test('every rule was seen firing and ending', () => {
  const all = RULES.map(({ alert }) => alert).filter((alert) => alert !== NEVER_HERE);
  expect([...seen.fired].toSorted()).toEqual(all.toSorted());
  expect([...seen.ended].toSorted()).toEqual(all.toSorted());
});
