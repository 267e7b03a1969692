import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Watchdog } from '../../operations/watchdog/watchdog.ts';
import { loadConfig } from '../../lib/config.ts';
import { createLogger } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { startSilentProxy, type SilentProxy } from '../support/silent-proxy.ts';

let open: OpenDatabase;
let proxy: SilentProxy;

beforeAll(async () => {
  open = await openMigratedDatabase();
  proxy = await startSilentProxy(open.database.url);
});
afterAll(async () => {
  await proxy.close();
  await open.close();
});

test('connections that fell silent blind one look; the next one opens others and sees', async () => {
  const config = loadConfig(
    { DATABASE_URL: proxy.url, LEGACY_DATABASE_URL: proxy.url, WATCHDOG_SECONDS: '0' },
    {},
    ['DATABASE_URL'],
  );
  const metrics = createMetrics(() => Promise.resolve({ open: 0, waived: 0 }));
  const away = Promise.reject(new Error('no broker here'));
  away.catch(() => undefined);
  const watchdog = new Watchdog({
    config,
    cluster: away as never,
    logger: createLogger('silent'),
    metrics,
    topicId: randomUUID(),
    acceptedGaps: [],
    acceptNewTopic: false,
  });
  const blind = async (service: string) =>
    (await metrics.watchdogBlind.get()).values.find(({ labels }) => labels.service === service)?.value ?? 0;
  try {
    await watchdog.begin();
    expect([await blind('legacy'), await blind('ledger')]).toEqual([0, 0]);
    proxy.fallSilent({ onlyOpen: true });
    await watchdog.once();
    expect([await blind('legacy'), await blind('ledger')]).toEqual([1, 1]);
    await watchdog.once();
    expect([await blind('legacy'), await blind('ledger')]).toEqual([0, 0]);
  } finally {
    await watchdog.stop();
  }
});
