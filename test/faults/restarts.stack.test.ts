import { afterAll, expect, test } from 'vitest';
import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import { accountingErrors, canonicalHash, differences } from '../support/canonical.ts';
import type { Command } from '../support/command.ts';
import { blockWritersOf, forgetProjection, seenWaiting, storedRecords } from '../support/faults.ts';
import { expectInvariants } from '../support/invariants/check.ts';
import { usePipeline, type RunFacts } from '../support/pipeline.ts';
import { endServer, freezeServer, startServersAgain } from '../support/servers.ts';
import { serviceOf, type Service } from '../support/service.ts';

const ROWS = 800;
const UNDECIDED = `
  SELECT count(*)::integer FROM agent_test_history WHERE id NOT IN (SELECT legacy_id FROM history_cdc.ledger)`;

const pipeline = usePipeline({
  seed: async (pool) => {
    // The test stack lets Postgres lose its last commits in a crash, and here it crashes.
    await pool.query(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = on', current_database()); END $$`,
    );
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
  },
});

// Whatever happens here, the files that follow find their servers.
afterAll(async () => {
  await startServersAgain();
});

let projector: Command;
let service: Service;

async function everythingProjected(): Promise<void> {
  const records = await pipeline().records();
  await projector.while('everything is projected', async () => (await storedRecords(pipeline())) === records);
  expect(await differences(pipeline())).toEqual([]);
  expect(await accountingErrors(pipeline())).toEqual([]);
}

async function readyAgain(): Promise<void> {
  await projector.while('it is ready', async () => (await service.ready()).status === 200);
}

test('a run that ends by itself waits for Postgres', async () => {
  const block = await blockWritersOf(pipeline(), 'history_cdc.ledger');
  const run = pipeline().start(['project', '--until-caught-up', '--json']);
  await seenWaiting(pipeline(), run);
  await endServer('postgres', 'SIGINT');
  await block.release();
  await run.logged(
    'Postgres does not carry out a transaction; nothing is lost, and the transaction is tried again',
  );
  await startServersAgain();
  expect(await run.ended).toMatchObject({ code: 0 });
  expect(await storedRecords(pipeline())).toBe(ROWS);
  expect(await differences(pipeline())).toEqual([]);
});

test('its sessions are ended in the middle of transactions, again and again: it goes on by itself', async () => {
  await forgetProjection(pipeline());
  projector = pipeline().start(['project', '--json'], { BATCH_ROWS: '1' });
  service = await serviceOf(projector);
  for (const progress of [20, 60, 100]) {
    await projector.while(
      'it is in the middle of a backlog',
      async () => (await storedRecords(pipeline())) > progress,
    );
    await pipeline().asDba(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'history-cdc project'",
    );
  }
  expect(await storedRecords(pipeline())).toBeLessThan(ROWS);
  await everythingProjected();
  await readyAgain();
  expect((await service.metrics()).get('history_cdc_transaction_retries_total')).toBeGreaterThan(0);
});

test('Postgres has lost its last commits, as after a failover: they are projected again', async () => {
  const runs = await canonicalHash(pipeline());
  await pipeline().query(`
    WITH undecided AS (
      DELETE FROM history_cdc.ledger l USING history_cdc.consumer_offset o
      WHERE o.topic_id = l.topic_id AND o.partition = l.partition AND l."offset" >= o.next_offset - 10
      RETURNING l.canonical_run_id
    ), removed AS (
      DELETE FROM agent_compliance_runs WHERE id IN (SELECT canonical_run_id FROM undecided)
    )
    UPDATE history_cdc.consumer_offset SET next_offset = next_offset - 10`);
  expect(await canonicalHash(pipeline())).not.toBe(runs);
  await insertRuns(pipeline().pool, ROWS + 1, ROWS + 40);
  await pipeline().delivered();
  await everythingProjected();
  await projector.logged('Postgres has lost commits; their records are projected again', 4);
  await expectInvariants(pipeline(), { running: projector });
});

test('Postgres crashes while transactions are in hand: /readyz says so until it is back, and nothing is lost', async () => {
  const block = await blockWritersOf(pipeline(), 'history_cdc.ledger');
  await insertRuns(pipeline().pool, ROWS + 41, ROWS + 120);
  await pipeline().delivered();
  await seenWaiting(pipeline(), projector);
  expect((await service.ready()).status).toBe(200);

  await endServer('postgres', 'SIGQUIT');
  await block.release();
  await projector.while('it is not ready', async () => (await service.ready()).status === 503);
  expect((await service.ready()).reason).toMatch(
    /partition \d stands at offset \d+ .*: Postgres does not carry out its transaction \(/,
  );
  await startServersAgain();
  await readyAgain();
  await everythingProjected();
  await expectInvariants(pipeline(), { running: projector });
});

test('the broker crashes: the projector finds its way back, and nothing is lost', async () => {
  await endServer('kafka', 'SIGKILL');
  await insertRuns(pipeline().pool, ROWS + 121, ROWS + 160);
  await startServersAgain();
  // Debezium has lost its connections to both servers, and comes back by itself, too. What it cannot tell to be in the
  // topic it sends once more, so how many records that will be is not known.
  await projector.while('every row has its decision', async () => (await pipeline().value(UNDECIDED)) === 0);
  await everythingProjected();
  await readyAgain();
  await expectInvariants(pipeline(), { running: projector });
});

test('told to stop while the broker does not answer, it ends in time with exit code 0, and has counted every record', async () => {
  const records = await pipeline().records();
  const thaw = await freezeServer('kafka');
  try {
    await projector.while('it is not ready', async () => (await service.ready()).status === 503);
    expect((await service.ready()).reason).toMatch(/^Kafka has not answered for \d+ s$/);
    const status = await pipeline().run(['status', '--json']);
    expect(status.code).toBe(1);
    expect(JSON.parse(status.stdout)).toMatchObject({ services: { Kafka: false } });
    const askedAt = performance.now();
    projector.signal('SIGTERM');
    const { code, stdout, stderr } = await projector.ended;
    expect(performance.now() - askedAt).toBeLessThan(60_000);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    // Four partitions went back by ten records.
    expect((JSON.parse(stdout) as RunFacts).read).toBe(records + 40);
  } finally {
    thaw();
  }
});
