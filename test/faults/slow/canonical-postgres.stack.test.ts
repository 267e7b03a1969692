import { beforeAll, expect, test } from 'vitest';
import { insertRuns, seedOrganisations } from '../../support/application-rows.ts';
import type { Command } from '../../support/command.ts';
import { blockWritersOf, seenWaiting, storedRecords } from '../../support/faults.ts';
import { expectInvariants } from '../../support/invariants/check.ts';
import { usePipeline } from '../../support/pipeline.ts';
import { rawRecord } from '../../support/records.ts';
import { serviceOf, type Service } from '../../support/service.ts';

/*
 * A canonical Postgres that is there and does not carry out what it is asked: read-only, without a connection left,
 * with a table locked. One projector runs over all of it. One story, in its order.
 */
const ROWS = 40;
const pipeline = usePipeline({
  partitions: 2,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
  },
});
const database = () => new URL(pipeline().settings['DATABASE_URL'] ?? '').pathname.slice(1);
const asDba = (sql: string) => pipeline().asDba(sql);

let projector: Command;
let service: Service;
let written = ROWS;
beforeAll(async () => {
  projector = pipeline().start(['project', '--json'], { QUARANTINE_MAX_SHARE: '1', LOG_LEVEL: 'debug' });
  service = await serviceOf(projector);
  await caughtUp();
});

const ready = () => projector.while('it is ready', async () => (await service.ready()).status === 200);

async function caughtUp(): Promise<void> {
  const records = await pipeline().records();
  await projector.while('all is projected', async () => (await storedRecords(pipeline())) === records);
  await ready();
}

async function moreRows(): Promise<void> {
  await insertRuns(pipeline().pool, written + 1, written + 30);
  written += 30;
  await pipeline().delivered();
}

/** As superuser, who is always let in. */
async function stored(): Promise<string | undefined> {
  const [row] = await pipeline().asDba<{ sum: string }>(
    'SELECT coalesce(sum(next_offset), 0)::text AS sum FROM history_cdc.consumer_offset',
  );
  return row?.sum;
}

/** The projector meets this SQLSTATE, says so, and commits nothing; mended, it goes on by itself. */
async function meets(state: string, mend: () => Promise<unknown>): Promise<void> {
  const before = await stored();
  await projector.while(`/readyz names ${state}`, async () => {
    const { status, reason = '' } = await service.ready();
    return status === 503 && reason.includes(state);
  });
  expect(await stored()).toBe(before);
  await mend();
  await caughtUp();
  await expectInvariants(pipeline(), { running: projector });
}

const endSessions = () =>
  asDba(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'history-cdc project'",
  );

test('F48: the canonical Postgres is read-only, as after a failover to a standby', async () => {
  const readOnly = (change: string) =>
    asDba(`ALTER ROLE app IN DATABASE ${database()} ${change}`).then(endSessions);
  projector.signal('SIGSTOP');
  await moreRows();
  await readOnly('SET default_transaction_read_only = on');
  projector.signal('SIGCONT');
  await meets('25006', () => readOnly('RESET default_transaction_read_only'));
});

test('F48: the canonical Postgres lets nobody in any more', async () => {
  projector.signal('SIGSTOP');
  await moreRows();
  await asDba('ALTER ROLE app CONNECTION LIMIT 0');
  await endSessions();
  projector.signal('SIGCONT');
  await meets('53300', () => asDba('ALTER ROLE app CONNECTION LIMIT -1'));
});

test('F52: the quarantine is blocked: a record that nobody can read waits with its partition, and is parked once', async () => {
  const block = await blockWritersOf(pipeline(), 'history_cdc.quarantine');
  const { key } = rawRecord('40000000-0000-4000-8000-000000000052', {});
  const parked = () => pipeline().value<number>('SELECT count(*)::integer FROM history_cdc.quarantine');
  const before = await storedRecords(pipeline());
  await pipeline().produce([{ key, value: Buffer.from('nobody can read this'), partition: 0 }]);
  await pipeline().query("INSERT INTO oracle.seen VALUES ('40000000-0000-4000-8000-000000000052')");
  await seenWaiting(pipeline(), projector);
  await moreRows();
  expect(await parked()).toBe(0);
  expect(await storedRecords(pipeline())).toBeLessThan(before + 31);
  await block.release();
  await caughtUp();
  expect(await parked()).toBe(1);
  projector.signal('SIGTERM');
  expect(await projector.ended).toMatchObject({ code: 0 });
});
