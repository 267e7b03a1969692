import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import { startExactlyOnceWorker, type ExactlyOnceWorker } from '../support/exactly-once-worker.ts';
import { usePipeline, type RunFacts } from '../support/pipeline.ts';
import { until } from '../support/until.ts';
import { expectInvariants } from '../support/invariants/check.ts';

/* The main path with a Connect worker that writes each record in a transaction. The tests are one story. */
const pipeline = usePipeline({
  partitions: 2,
  connected: false,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, 60);
  },
});

let worker: ExactlyOnceWorker | undefined;
const here = () => ({ CONNECT_URL: worker?.url ?? '' });

beforeAll(async () => {
  worker = await startExactlyOnceWorker();
});

// Before the pipeline goes: its slot must be free.
afterAll(async () => {
  await worker?.stop();
});

const undecided = () =>
  pipeline().value<string>(
    'SELECT count(*) FROM agent_test_history h WHERE NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = h.id)',
  );

async function ends(): Promise<{ stored: string; high: string }> {
  const marks = await pipeline().cluster.watermarks(pipeline().topic);
  const rows = await pipeline().query<{ next_offset: string }>(
    'SELECT next_offset FROM history_cdc.consumer_offset ORDER BY partition',
  );
  return {
    stored: rows.map(({ next_offset }) => next_offset).join(),
    high: [...marks]
      .sort(([a], [b]) => a - b)
      .map(([, { high }]) => String(high))
      .join(),
  };
}

const projected = async (): Promise<RunFacts> => await pipeline().project(here());

test('the connector is brought about, its snapshot is projected, and the stored offsets are the ends', async () => {
  expect(await pipeline().run(['connector', 'apply'], here())).toMatchObject({ code: 0 });
  const facts = await projected();
  expect(facts).toMatchObject({ read: 60, stopped: 'caught_up' });
  const { stored, high } = await ends();
  expect(stored).toBe(high);
  // More offsets than records: each partition has markers.
  expect(high.split(',').reduce((sum, end) => sum + Number(end), 0)).toBeGreaterThan(60);
});

test('what streams is projected, too, and a second reading changes nothing', async () => {
  await insertRuns(pipeline().pool, 61, 90);
  await until('every row has a decision', async () => {
    await projected();
    return (await undecided()) === '0';
  });
  const { stored, high } = await ends();
  expect(stored).toBe(high);
  expect((await pipeline().facts(['replay'], here())).changes.total).toBe(0);
  expect(await pipeline().facts(['project', '--dry-run'], here())).toMatchObject({ read: 0 });
  await expectInvariants(pipeline(), { settings: here(), connectUrl: here().CONNECT_URL });
});

test('connector status, a snapshot and reconcile come to their ends', async () => {
  await pipeline().asDba(`GRANT USAGE ON SCHEMA history_cdc_source TO app;
    GRANT SELECT, INSERT ON history_cdc_source.signal TO app; GRANT SELECT ON history_cdc_source.heartbeat TO app`);
  expect(await pipeline().run(['connector', 'status'], here())).toMatchObject({ code: 0 });
  const projector = pipeline().start(['project'], here());
  await projector.logged('partitions assigned');
  expect(await pipeline().run(['snapshot', 'start', '--follow'], here())).toMatchObject({ code: 0 });
  expect(await pipeline().run(['reconcile'], here())).toMatchObject({ code: 0 });
  projector.signal('SIGTERM');
  expect(await projector.ended).toMatchObject({ code: 0 });
});
