import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import { examine } from '../../operations/doctor/doctor.ts';
import { seenIn } from '../watchdog/seen.ts';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { loadConfig } from '../../lib/config.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { createApplication } from '../../demo/generate.ts';
import { OwnPostgres } from '../support/own-postgres.ts';
import { aRow, inserted } from '../support/records.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { asRecords, MATCHING, runRecords, TOPIC_ID } from '../support/run-records.ts';
import { Tables } from '../support/tables.ts';

/*
 * The oldest Postgres that is supported, from the DBA's script to the proof: the main path of each of our statements. All
 * other files of this project run on the newest.
 */

let server: OwnPostgres;
let app: Pool;
let superuser: Pool;
const own = { id: '' };

const settings = (role: string) => ({
  DATABASE_URL: server.urlOf(role),
  CONNECTOR_DATABASE_URL: server.urlOf('history_cdc_connector'),
  LOG_LEVEL: 'silent',
});
const as = (role: string, ...args: string[]): Promise<Answer> => runInProcess(args, settings(role));

beforeAll(async () => {
  server = await OwnPostgres.start();
  app = createPool({ url: server.urlOf('app'), name: 'test', connections: 4 });
  superuser = createPool({ url: server.urlOf('postgres'), name: 'test dba', connections: 1 });
  await createApplication(app);
}, 180_000);
afterAll(async () => {
  await app.end();
  await superuser.end();
  await server.stop();
});

test('is a Postgres 14', async () => {
  const { rows } = await app.query<{ version: number }>(
    "SELECT current_setting('server_version_num')::int / 10000 AS version",
  );
  expect(rows).toEqual([{ version: 14 }]);
});

test("the DBA's script runs twice, mends the publication, and doctor finds nothing wrong with server, objects and slot", async () => {
  for (const run of ['first', 'second']) {
    const answer = await as('postgres', 'connector', 'sql', '--run');
    expect({ run, code: answer.code, stderr: answer.stderr }).toMatchObject({ run, code: 0 });
  }
  await superuser.query('ALTER PUBLICATION history_cdc DROP TABLE agent_test_history');
  await as('postgres', 'connector', 'sql', '--run');
  await superuser.query("SELECT pg_create_logical_replication_slot('history_cdc', 'pgoutput')");
  const wanted = CHECKS.filter(({ group }) => ['server', 'source', 'slot'].includes(group));
  const askable = wanted.filter(({ id }) => id !== 'continuity');
  const report = await examine(loadConfig(settings('postgres'), undefined), askable);
  const found = report.checks.filter(({ verdict }) => verdict !== 'ok');
  // Everybody may create in public before Postgres 15. Nobody reads the slot, and the connector has not written yet.
  expect(found.map(({ id, verdict }) => [id, verdict])).toEqual([
    ['connector-excess', 'warning'],
    ['heartbeat-written', 'failed'],
    ['slot-active', 'failed'],
  ]);
  const present = await seenIn(app, { publication: 'history_cdc', slot: 'history_cdc' });
  expect(present).toMatchObject({ unfit: {}, slot: 'history_cdc, pgoutput, database app' });
});

test('migrate, and a projection', async () => {
  expect(await as('app', 'migrate')).toMatchObject({ code: 0 });
  const tables = new Tables(app);
  const owner = await tables.owner();
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
  const foreign = aRow({ agent_context_id: owner.context, user_id: 'user_of_another' });
  own.id = row.id;
  for (const each of [row, foreign]) await tables.legacyRow(each);
  await registerTopic(app, { topicId: TOPIC_ID, name: 'topic', partitions: 1 }, false);
  const { claim } = await takeOver(app, { topicId: TOPIC_ID, partition: 0, offset: 0n }, 'test');
  const result = await runRecords({
    context: { canonical: app, legacy: app, optOutPolicy: 'respect', matching: MATCHING },
    mode: { kind: 'commit', claim },
    rows: 10,
    records: asRecords([inserted(row), inserted(foreign)], 0n),
  });
  expect(result.decisions).toEqual({ projected: 1, third_party: 1 });
});

test.each([
  [['census', '--compare']],
  [['sweep']],
  [['reconcile', '--source-is-quiet']],
  [['redecide']],
  [['undo', '--apply', '--confirm', '1']],
])('%j', async (args) => {
  const { code, stderr } = await as('app', ...args);
  expect({ code, stderr }).toMatchObject({ code: 0 });
});

test('explain tells of the row that was taken back', async () => {
  const answer = await as('app', 'explain', own.id, '--no-events');
  expect(answer.code).toBe(0);
});
