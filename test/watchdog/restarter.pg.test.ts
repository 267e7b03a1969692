import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import type { Look } from '../../operations/watchdog/look.ts';
import { Restarter } from '../../operations/watchdog/restarter.ts';
import { createMetrics, type Metrics } from '../../lib/metrics.ts';
import { gathered, healthyFacts } from '../doctor/healthy.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';

let open: OpenDatabase;
/** In place of Kafka Connect: keeps what it was asked for. */
let server: Server;
let url: string;
let asked: string[] = [];
let status: number;
let metrics: Metrics;
let lines: { level: number; msg: string; reason?: string }[];

beforeAll(async () => {
  open = await openMigratedDatabase();
  server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
afterAll(async () => {
  server.close();
  await open.close();
});
beforeEach(async () => {
  asked = [];
  status = 204;
  metrics = createMetrics();
  lines = [];
  await open.pool.query('DELETE FROM history_cdc.connector_restart');
});

function restarter(cap: number): Restarter {
  return new Restarter({
    config: { CONNECTOR_NAME: 'c', WATCHDOG_SECONDS: 3600, WATCHDOG_RESTARTS: cap },
    services: { connect: () => new ConnectClient({ url, secrets: [] }), canonical: () => open.pool },
    logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line) as (typeof lines)[0]) }),
    metrics,
  });
}

const SEEN: Look = {
  present: { slot: 's', position: { confirmed: 1n, stored: 2n } },
  answers: gathered(healthyFacts()),
  failure: { what: 'task 0', trace: 'org.x.Y: too large\n\tat org.x.Z(Z.java:1)' },
  blind: new Map(),
};
const RESTART = 'POST /connectors/c/restart?includeTasks=true&onlyFailed=true';

test('what has failed is restarted once, and again only after its pause', async () => {
  const one = restarter(5);
  await one.consider(SEEN);
  await one.consider(SEEN);
  expect(asked).toEqual([RESTART]);
  expect(one.readiness()).toEqual({ ready: true });
  expect((await metrics.connectorRestarts.get()).values).toMatchObject([{ value: 1 }]);
  expect(lines).toMatchObject([
    {
      msg: 'the connector has failed; it is restarted',
      reason: expect.not.stringContaining('Z.java') as string,
    },
  ]);
});

test('a restart that Connect refuses is said, and counts', async () => {
  status = 400;
  const one = restarter(1);
  await one.consider(SEEN);
  expect(lines.map(({ msg }) => msg)).toEqual([
    'the connector has failed; it is restarted',
    'the connector could not be restarted',
  ]);
  await one.consider(SEEN);
  expect(asked).toEqual([RESTART]);
  expect(one.readiness()).toMatchObject({ ready: false });
});

test('why it is left is said once, and that it is no longer', async () => {
  const off = restarter(0);
  for (const failure of [SEEN.failure, SEEN.failure, null, null]) await off.consider({ ...SEEN, failure });
  expect(lines.map(({ msg }) => msg)).toEqual([
    'the connector has failed; `history-cdc connector status` tells more',
    'the connector is no longer given up',
  ]);
});

test('by another projector, too; and when the cap is reached, by none, until it runs', async () => {
  await restarter(1).consider(SEEN);
  const other = restarter(1);
  await other.consider(SEEN);
  expect(asked).toEqual([RESTART]);
  expect(other.readiness()).toMatchObject({
    ready: false,
    reason: expect.stringContaining('used up') as string,
  });
  await other.consider({ ...SEEN, failure: undefined });
  expect(other.readiness().ready).toBe(false);
  await other.consider({ ...SEEN, failure: null });
  expect(other.readiness()).toEqual({ ready: true });
});

test.each<[string, Partial<Look['present']>]>([
  ['the slot is not there', { slot: null, position: { confirmed: null, stored: 2n } }],
  ['the slot is not known', { position: { confirmed: 1n, stored: 2n } }],
  ['the stored offset is not known', { slot: 's' }],
])('never while %s', async (_, present) => {
  const one = restarter(5);
  await one.consider({ ...SEEN, present });
  expect(asked).toEqual([]);
  expect(one.readiness()).toMatchObject({ ready: false, reason: expect.stringContaining('slot') as string });
});

test('never where restarts are off; nor what runs', async () => {
  const off = restarter(0);
  await off.consider(SEEN);
  expect(off.readiness()).toEqual({
    ready: false,
    reason: 'the connector has failed; `history-cdc connector status` tells more',
  });
  await restarter(5).consider({ ...SEEN, failure: null });
  expect(asked).toEqual([]);
});
