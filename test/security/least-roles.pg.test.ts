import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { readLastSweeps } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { openApplicationDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { aRow, inserted, rawRecord, type RowValues } from '../support/records.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { MATCHING, asRecords, runRecords, TOPIC_ID } from '../support/run-records.ts';
import { Tables } from '../support/tables.ts';

/*
 * Every command that works on Postgres alone, under the roles that our own scripts make and under no other: what
 * `connector sql`, `connector sql --projector`, `--operator` and `migrate --grant-to` give is enough, and is no more than
 * doctor holds to be needed.
 */

const suffix = randomBytes(4).toString('hex');
const ROLES = { projector: `projector_${suffix}`, operator: `operator_${suffix}` } as const;
type Role = keyof typeof ROLES;

let open: OpenDatabase;
let superuser: Pool;
const pools: Partial<Record<Role, Pool>> = {};
let own: RowValues;
let parked: string;
let joins: () => Promise<void>;

function urlOf(role: Role): string {
  const url = new URL(open.database.url);
  url.username = ROLES[role];
  url.password = 'secret';
  return url.href;
}

async function asOwner(...args: string[]): Promise<void> {
  const answer = await runInProcess(args, { DATABASE_URL: open.database.url });
  expect(answer).toMatchObject({ code: 0 });
}

async function as(role: Role, ...args: string[]): Promise<Answer> {
  return await runInProcess(args, { DATABASE_URL: urlOf(role), LOG_LEVEL: 'silent' });
}

beforeAll(async () => {
  open = await openApplicationDatabase();
  superuser = createPool({ url: open.database.superuserUrl, name: 'test', connections: 1 });
  await open.pool.query('ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC');
  await asOwner('connector', 'sql', '--run');
  for (const role of ['projector', 'operator'] as const) {
    await superuser.query(`CREATE ROLE ${ROLES[role]} LOGIN PASSWORD 'secret'`);
    await asOwner('connector', 'sql', `--${role}`, ROLES[role], '--run');
    await asOwner('migrate', '--grant-to', ROLES[role]);
    pools[role] = createPool({ url: urlOf(role), name: 'test', connections: 1 });
  }
  await project();
}, 60_000);

/** An owner's run, a stranger's who joins later, and one that cannot be read; as the projector. */
async function project(): Promise<void> {
  const tables = new Tables(open.pool);
  const owner = await tables.owner();
  own = aRow({ agent_context_id: owner.context, user_id: owner.user });
  const late = aRow({ agent_context_id: owner.context, user_id: 'user_who_joins' });
  const unreadable = aRow({ agent_context_id: owner.context, user_id: owner.user });
  for (const row of [own, late, unreadable]) await tables.legacyRow(row);
  const pool = pools.projector;
  if (pool === undefined) throw new Error('there is no projector');
  await registerTopic(pool, { topicId: TOPIC_ID, name: 'topic', partitions: 1 }, false);
  const { claim } = await takeOver(pool, { topicId: TOPIC_ID, partition: 0, offset: 0n }, 'test');
  const result = await runRecords({
    context: { canonical: pool, legacy: pool, optOutPolicy: 'respect', matching: MATCHING },
    mode: { kind: 'commit', claim },
    rows: 10,
    records: asRecords([inserted(own), inserted(late), rawRecord(unreadable.id, {})], 0n),
  });
  expect(result.decisions).toEqual({ projected: 1, third_party: 1, quarantined: 1 });
  parked = String((await tables.quarantined())[0]?.['id']);
  joins = async () => {
    await tables.member('user_who_joins', owner.organization);
  };
}

afterAll(async () => {
  await Promise.all(Object.values(pools).map((pool) => pool.end()));
  for (const role of Object.values(ROLES)) await superuser.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await superuser.end();
  await open.close();
});

describe.each(['projector', 'operator'] as const)('as the %s', (role) => {
  test.each<[readonly string[], 0 | 1, string]>([
    [['census'], 0, 'projected'],
    [['census', '--compare'], 0, 'third_party'],
    // An owner's run waits in quarantine for a person.
    [['reconcile', '--source-is-quiet'], 1, 'proven'],
    [['reconcile', '--last'], 1, 'verdict of'],
    [['reconcile', '--repair'], 0, 'canonical rows that would be'],
    [['quarantine', 'list'], 0, 'open 1'],
    [['quarantine', 'retry'], 1, 'failed 1'],
    [['redecide'], 0, 'looked up again'],
    [['sweep'], 0, 'in quarantine: open 1'],
    [['undo'], 0, '--confirm'],
    [
      ['doctor', '--only', 'projector-grants,projector-excess,signal-table,heartbeat-table,ledger-schema'],
      0,
      'ok',
    ],
  ])('%j ends with %d', async (args, code, says) => {
    const answer = await as(role, ...args);
    expect(answer).toEqual({ code, stdout: expect.stringContaining(says) as string, stderr: answer.stderr });
  });

  test('a sweep leaves word of itself', async () => {
    await open.pool.query('DELETE FROM history_cdc.last_sweep');
    expect(await as(role, 'sweep')).toMatchObject({ code: 0 });
    const pool = pools[role] ?? open.pool;
    expect(await readLastSweeps(pool)).toMatchObject({ done: { by: 'sweep', absorbed: 0 }, failed: null });
    await open.pool.query('ALTER TABLE history_cdc.agent_spelling RENAME TO away');
    expect(await as(role, 'sweep')).toMatchObject({ code: 2 });
    await open.pool.query('ALTER TABLE history_cdc.away RENAME TO agent_spelling');
    expect(await readLastSweeps(pool)).toMatchObject({ failed: { by: 'sweep', errorCode: '42P01' } });
  });

  test('explain and quarantine show tell of one row', async () => {
    expect(await as(role, 'explain', own.id, '--no-events')).toMatchObject({ code: 0 });
    expect(await as(role, 'quarantine', 'show', parked)).toMatchObject({ code: 0 });
  });
});

test('what changes something works as the operator: to decide anew, to give up, to take back', async () => {
  await joins();
  const dry = await as('operator', 'redecide');
  expect([dry.code, dry.stdout]).toEqual([1, expect.stringContaining('third_party -> projected')]);
  expect(await as('operator', 'redecide', '--apply')).toMatchObject({ code: 0 });
  const waive = ['quarantine', 'waive', '--id', parked, '--by', 'the data owner', '--reason', 'a test row'];
  expect(await as('operator', ...waive)).toMatchObject({ code: 0 });
  expect(await as('operator', 'reconcile', '--repair', '--apply')).toMatchObject({ code: 0 });
  expect(await as('operator', 'undo', '--apply', '--confirm', '2')).toMatchObject({ code: 0 });
  const { rows } = await open.pool.query('SELECT FROM public.agent_compliance_runs');
  expect(rows).toEqual([]);
});

const SIGNAL = `INSERT INTO history_cdc_source.signal (id, type, data) VALUES ('x', 'log', '{"message": "x"}')`;

test('the operator may command the connector, the projector may not, and neither may wipe the tracks', async () => {
  await pools.operator?.query(SIGNAL);
  const tracks = await pools.operator?.query('SELECT id FROM history_cdc_source.signal');
  expect(tracks?.rows).toEqual([{ id: 'x' }]);
  const denied = { code: '42501' };
  await expect(pools.projector?.query(SIGNAL)).rejects.toMatchObject(denied);
  for (const pool of Object.values(pools)) {
    await expect(pool.query('DELETE FROM history_cdc_source.signal')).rejects.toMatchObject(denied);
    await expect(pool.query('DELETE FROM history_cdc_source.heartbeat')).rejects.toMatchObject(denied);
  }
});

test.each([
  ['read another table', 'SELECT FROM public.agent_contexts'],
  ['read what was decided', 'SELECT FROM history_cdc.ledger'],
  ['write a legacy row', 'DELETE FROM public.agent_test_history'],
  ['write a canonical row', 'DELETE FROM public.agent_compliance_runs'],
  ['publish more', 'ALTER PUBLICATION history_cdc ADD TABLE public.agent_contexts'],
  ['make a publication', 'CREATE PUBLICATION mine'],
  ['make a table', 'CREATE TABLE public.mine (id int)'],
])("the connector's role may not %s", async (_, statement) => {
  const client = await superuser.connect();
  try {
    await client.query('SET ROLE history_cdc_connector');
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
    await client.query('SELECT FROM public.agent_test_history');
  } finally {
    await client.query('RESET ROLE');
    client.release();
  }
});
