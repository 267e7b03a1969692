import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../lib/log.ts';
import { loadConfig } from '../../lib/config.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { readWebhook } from '../../operations/facts/webhook.ts';
import { writeNews } from '../../operations/webhook/outbox.ts';
import { requiredEndpoint } from '../../operations/webhook/send.ts';
import { WebhookWatch, type WebhookWatchOptions } from '../../operations/webhook/watch.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { until } from '../support/until.ts';
import { expectedSignature, SECRET, startReceiver, status, type Receiver } from './receiver.ts';

let open: OpenDatabase;
let receiver: Receiver;
let logged: string[];

beforeAll(async () => {
  open = await openMigratedDatabase();
});
afterAll(async () => {
  await open.close();
});
beforeEach(async () => {
  receiver = await startReceiver();
  logged = [];
  await open.pool.query(
    'TRUNCATE history_cdc.webhook, history_cdc.webhook_told, history_cdc.webhook_message, history_cdc.webhook_gate, history_cdc.soak_look',
  );
  await writeNews(open.pool);
});
afterEach(async () => {
  await receiver.close();
});

function settings(url = receiver.url): Record<string, string> {
  return { DATABASE_URL: open.database.url, WEBHOOK_URL: url, WEBHOOK_SECRET: SECRET };
}

/** The webhook of one projector; what it does is awaited with `round`. */
function projectorsWebhook(options: Partial<WebhookWatchOptions> = {}) {
  const config = loadConfig(settings(), undefined, ['DATABASE_URL']);
  const metrics = createMetrics();
  const logger = createLogger('info', (line) => logged.push(line));
  const endpoint = requiredEndpoint(config);
  const watch = new WebhookWatch({ config, metrics, logger, endpoint, firstRestMs: 1, ...options });
  return { watch, metrics };
}

let nth = 0;
async function enterStage(stage = 'ready'): Promise<string> {
  const { rows } = await open.pool.query<{ id: string }>(
    "INSERT INTO history_cdc.stage (performed_by, stage) VALUES ('Ada Lovelace', $1) RETURNING id::text",
    [stage],
  );
  return rows[0]?.id ?? '';
}
async function straggler(): Promise<string> {
  const { rows } = await open.pool.query<{ id: string }>(
    `INSERT INTO history_cdc.incident (kind, subject, began_at, detail)
     VALUES ('straggler', $1, clock_timestamp(), 'https://agent.example/secret') RETURNING id::text`,
    [`subject ${String((nth += 1))}`],
  );
  return rows[0]?.id ?? '';
}

const bodies = () => receiver.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
const facts = async () => await readWebhook(open.pool);

test('what happens is told once, signed, and without values or names', async () => {
  const id = await enterStage();
  const incidents = [await straggler(), await straggler()];
  const { watch } = projectorsWebhook();
  await watch.round();
  await watch.round();
  await watch.stop();
  expect(bodies()).toMatchObject([
    { type: 'stage.entered', data: { count: 1, ids: [id], kinds: ['ready'] } },
    { type: 'incident.straggler', data: { count: 2, ids: incidents, kinds: ['straggler'] } },
  ]);
  const [message] = receiver.received;
  if (message === undefined) throw new Error('nothing was received');
  expect(message.headers).toMatchObject({
    'content-type': 'application/json',
    'webhook-signature': expectedSignature(message),
    'webhook-id': expect.stringMatching(/^msg_/) as string,
  });
  const seconds = Number(message.headers['webhook-timestamp']);
  expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(60);
  expect(JSON.stringify(bodies())).not.toMatch(/Ada|agent\.example|subject/);
  expect(await facts()).toMatchObject({ waiting: 0, givenUp: 0, failure: null });
});

test('what was there before the webhook is no news', async () => {
  await open.pool.query('TRUNCATE history_cdc.webhook');
  await enterStage();
  const { watch } = projectorsWebhook();
  await watch.round();
  await watch.stop();
  expect(receiver.received).toEqual([]);
});

test('a gap, a gap that opens again, and a wrong verdict are told; the incidents of both are not told beside them', async () => {
  await open.pool.query(
    "INSERT INTO history_cdc.topic (topic_id, name, partitions) VALUES (gen_random_uuid(), 't', 1) ON CONFLICT DO NOTHING",
  );
  const gap = `
    INSERT INTO history_cdc.gap (topic_id, kind, evidence) SELECT topic_id, 'slot', 'x' FROM history_cdc.topic LIMIT 1
    RETURNING id::text`;
  const { rows } = await open.pool.query<{ id: string }>(gap);
  const id = rows[0]?.id;
  const run = await open.pool.query<{ id: string }>(
    `INSERT INTO history_cdc.reconcile_run (rule_version, phase, verdict, finished_at)
     VALUES (1, 'done', 'wrong', clock_timestamp()) RETURNING id::text`,
  );
  await open.pool.query(
    `INSERT INTO history_cdc.incident (kind, subject, began_at)
     VALUES ('gap', $1, clock_timestamp()), ('wrong_verdict', $2, clock_timestamp())`,
    [id, run.rows[0]?.id],
  );
  const { watch } = projectorsWebhook();
  await watch.round();
  await open.pool.query('UPDATE history_cdc.gap SET opened_at = clock_timestamp() WHERE id = $1', [id]);
  await watch.round();
  await watch.stop();
  expect(bodies()).toMatchObject([
    { type: 'gap.opened', data: { ids: [id], kinds: ['slot'] } },
    { type: 'verdict.wrong', data: { ids: [run.rows[0]?.id], kinds: ['whole'] } },
    { type: 'gap.opened', data: { ids: [id] } },
  ]);
});

test('a condition of the soak that flips is told, and one that is seen for the first time is not', async () => {
  const { watch } = projectorsWebhook();
  for (const states of [
    { parity: 'met', archive: 'not_met' },
    { parity: 'met', archive: 'not_met' },
    { parity: 'unknown', archive: 'not_met' },
    { parity: 'not_met', archive: 'not_met' },
    { parity: 'met', archive: 'attested' },
  ]) {
    await open.pool.query(
      'INSERT INTO history_cdc.soak_look (conditions) VALUES ($1) ON CONFLICT (is_only) DO UPDATE SET conditions = excluded.conditions',
      [states],
    );
    await watch.round();
  }
  await watch.stop();
  expect(bodies().map(({ data }) => data)).toMatchObject([
    { allMet: false, changed: [{ condition: 'parity', from: 'met', to: 'unknown' }] },
    {
      allMet: true,
      changed: [
        { condition: 'archive', from: 'not_met', to: 'attested' },
        { condition: 'parity', from: 'not_met', to: 'met' },
      ],
    },
  ]);
});

test('500, a redirect, a slow receiver and a cut connection are tried again with the same id; the redirect is not followed', async () => {
  const elsewhere = await startReceiver();
  receiver.answers.push(
    status(500),
    status(302, { location: elsewhere.url }),
    () => undefined,
    (response) => response.destroy(),
  );
  await enterStage();
  const { watch } = projectorsWebhook({ sendWithinMs: 200 });
  const failures: (string | null | undefined)[] = [];
  await until('it is delivered', async () => {
    await watch.round();
    const now = await facts();
    failures.push(now?.failure);
    return now?.waiting === 0;
  });
  await watch.stop();
  await elsewhere.close();
  expect(receiver.received).toHaveLength(5);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(1);
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  expect(elsewhere.received).toEqual([]);
  expect(logged.join()).not.toContain('the text of the receiver');
});

test('a receiver that is dead for a while gets the message later, and status says meanwhile that it waits', async () => {
  await receiver.close();
  await enterStage();
  const { watch, metrics } = projectorsWebhook();
  await watch.round();
  await open.pool.query(
    "UPDATE history_cdc.webhook_message SET created_at = created_at - interval '3 minutes'",
  );
  expect(await facts()).toMatchObject({ waiting: 1, failure: 'ECONNREFUSED' });
  await watch.round();
  expect(await metrics.registry.metrics()).toMatch(/history_cdc_webhook_messages\{state="waiting"\} 1/);
  await receiver.open();
  await until('it is delivered', async () => {
    await watch.round();
    return (await facts())?.waiting === 0;
  });
  await watch.stop();
  expect(receiver.received).toHaveLength(1);
  expect(logged.join()).toContain('the webhook takes messages again');
});

test('a message is given up after its time, stays visible, and is sent again or dismissed by a person', async () => {
  receiver.answers.push(status(500), status(500), status(500));
  await enterStage();
  const { watch, metrics } = projectorsWebhook({ firstRestMs: 60_000 });
  await watch.round();
  await open.pool.query(
    "UPDATE history_cdc.webhook_message SET created_at = created_at - interval '25 hours', next_attempt_at = clock_timestamp()",
  );
  await watch.round();
  expect(await facts()).toMatchObject({ waiting: 0, givenUp: 1, failure: 'status 500' });
  expect(await metrics.registry.metrics()).toMatch(/history_cdc_webhook_messages\{state="given_up"\} 1/);
  expect((await runInProcess(['webhook', 'list'], settings())).code).toBe(1);
  expect((await runInProcess(['webhook', 'retry'], settings())).code).toBe(0);
  expect(await facts()).toMatchObject({ givenUp: 1 });
  expect((await runInProcess(['webhook', 'retry', '--apply'], settings())).code).toBe(0);
  expect(await facts()).toMatchObject({ givenUp: 0, waiting: 1 });
  await open.pool.query(
    "UPDATE history_cdc.webhook_message SET created_at = created_at - interval '25 hours'",
  );
  await watch.round();
  const { rows } = await open.pool.query<{ id: string }>('SELECT id::text FROM history_cdc.webhook_message');
  const id = rows[0]?.id ?? '';
  const dismissing = ['webhook', 'dismiss', '--by', 'Ada', '--id', id];
  expect((await runInProcess(dismissing, settings())).code).toBe(0);
  expect(await facts()).toMatchObject({ givenUp: 0, waiting: 0 });
  const again = await runInProcess([...dismissing, '--json'], settings());
  expect(again.code).toBe(2);
  expect(again.stderr).toContain('WEBHOOK_MESSAGE');
  await watch.stop();
});

test('of two projectors, one sends each message', async () => {
  for (let count = 0; count < 5; count += 1) {
    await enterStage();
    await writeNews(open.pool);
  }
  const both = [projectorsWebhook(), projectorsWebhook()];
  await Promise.all(both.map(({ watch }) => watch.round()));
  await Promise.all(both.map(({ watch }) => watch.stop()));
  expect(receiver.received).toHaveLength(5);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(5);
});

test('a process that is killed between sending and marking: the next one sends it again, with the same id', async () => {
  await enterStage();
  await writeNews(open.pool);
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/webhook/doomed-deliverer.ts'], {
    env: { ...process.env, ...settings() },
    stdio: 'inherit',
  });
  receiver.answers.push(() => child.kill('SIGKILL'));
  await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
  const { watch } = projectorsWebhook();
  await until('it is delivered', async () => {
    await watch.round();
    return (await facts())?.waiting === 0;
  });
  await watch.stop();
  expect(receiver.received).toHaveLength(2);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(1);
});

test('a projector that stops tells first what has ended it, and a silent receiver does not hold it up', async () => {
  const { watch } = projectorsWebhook();
  await enterStage();
  await watch.stop();
  expect(bodies()).toMatchObject([{ type: 'stage.entered' }]);
  const { watch: second } = projectorsWebhook();
  receiver.answers.push(() => undefined);
  await enterStage();
  const began = performance.now();
  await second.stop();
  expect(performance.now() - began).toBeLessThan(30_000);
});
