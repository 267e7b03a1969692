import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import type { Look } from '../../connectors/watchdog/look.ts';
import { Restarter } from '../../connectors/watchdog/restarter.ts';
import { createLogger } from '../../consumers/lib/log.ts';
import { createMetrics } from '../../consumers/lib/metrics.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';

let open: OpenDatabase;
/** In place of Kafka Connect: keeps what it was asked for. */
let server: Server;
let url: string;
let asked: string[] = [];

beforeAll(async () => {
  open = await openMigratedDatabase();
  server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.writeHead(204).end();
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
  await open.pool.query('DELETE FROM history_cdc.connector_restart');
});

function restarter(cap: number): Restarter {
  return new Restarter({
    config: { CONNECTOR_NAME: 'c', WATCHDOG_SECONDS: 3600, WATCHDOG_RESTARTS: cap },
    connect: new ConnectClient({ url, secrets: [] }),
    canonical: open.pool,
    logger: createLogger('silent'),
    metrics: createMetrics(),
  });
}

const SEEN: Look = {
  present: { slot: 's', position: { confirmed: 1n, stored: 2n } },
  source: undefined,
  ends: undefined,
  beats: undefined,
  failure: { what: 'task 0', trace: 'org.x.Y: too large' },
  blind: new Map(),
};
const RESTART = 'POST /connectors/c/restart?includeTasks=true&onlyFailed=true';

test('what has failed is restarted once, and again only after its pause', async () => {
  const one = restarter(5);
  await one.consider(SEEN);
  await one.consider(SEEN);
  expect(asked).toEqual([RESTART]);
  expect(one.readiness()).toEqual({ ready: true });
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
  expect(off.readiness()).toMatchObject({ ready: false });
  await restarter(5).consider({ ...SEEN, failure: null });
  expect(asked).toEqual([]);
});
