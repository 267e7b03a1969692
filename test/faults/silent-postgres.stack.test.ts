import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import type { Command } from '../support/command.ts';
import { storedRecords } from '../support/faults.ts';
import { usePipeline } from '../support/pipeline.ts';
import { serviceOf, type Service } from '../support/service.ts';
import { startSilentProxy, type SilentProxy } from '../support/silent-proxy.ts';
import { expectInvariants } from '../support/invariants/check.ts';

/*
 * The whole `project` behind connections that stay open and pass nothing on, as behind a NAT that forgot them. It must
 * notice within its own limits, name the database, not be ready, and go on once new connections are served.
 */

const ROWS = 60;
const pipeline = usePipeline({
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
  },
});

let canonical: SilentProxy;
let legacy: SilentProxy;
let projector: Command;
let service: Service;

beforeAll(async () => {
  const { DATABASE_URL: url = '' } = pipeline().settings;
  [canonical, legacy] = await Promise.all([startSilentProxy(url), startSilentProxy(url)]);
  projector = pipeline().start(['project', '--json'], {
    DATABASE_URL: canonical.url,
    LEGACY_DATABASE_URL: legacy.url,
    WATCHDOG_SECONDS: '1',
    WATCHDOG_STALL_SECONDS: '3',
  });
  service = await serviceOf(projector);
  await ready();
  await everythingProjected();
});

afterAll(async () => {
  await Promise.all([canonical.close(), legacy.close()]);
});

const ready = () => projector.while('it is ready', async () => (await service.ready()).status === 200);
const unready = (says: RegExp) =>
  projector.while(`it is not ready: ${String(says)}`, async () => {
    const { status, reason = '' } = await service.ready();
    return status === 503 && says.test(reason);
  });
const isBlind = async (what: string) =>
  (await service.metrics()).get(`history_cdc_watchdog_blind{service="${what}"}`);

async function everythingProjected(): Promise<void> {
  const records = await pipeline().records();
  await projector.while('everything is projected', async () => (await storedRecords(pipeline())) === records);
}

test('an idle projector notices that the legacy database is silent, and that it answers again', async () => {
  legacy.fallSilent();
  await unready(/legacy database/);
  expect(await isBlind('legacy')).toBe(1);
  expect(await isBlind('ledger')).toBe(0);
  legacy.speak();
  await ready();
  expect(await isBlind('legacy')).toBe(0);
});

test('a silent canonical database is named, and the rows that came meanwhile are projected after it', async () => {
  canonical.fallSilent();
  await insertRuns(pipeline().pool, ROWS + 1, ROWS + 20);
  await pipeline().delivered();
  await unready(/DATABASE_URL/);
  expect(
    (
      await projector.logged(
        'Postgres does not carry out a transaction; nothing is lost, and the transaction is tried again',
      )
    )['setting'],
  ).toBe('DATABASE_URL');
  expect(await storedRecords(pipeline())).toBe(ROWS);
  canonical.speak();
  await everythingProjected();
  await ready();
  await expectInvariants(pipeline(), { running: projector });
  projector.signal('SIGTERM');
  expect(await projector.ended).toMatchObject({ code: 0 });
});
