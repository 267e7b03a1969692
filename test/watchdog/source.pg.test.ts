import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { look, WATCHED } from '../../operations/watchdog/look.ts';
import { loadConfig } from '../../lib/config.ts';
import { Services } from '../../operations/facts/services.ts';
import { claimRestart } from '../../operations/watchdog/restarts.ts';
import { readWrites } from '../../operations/facts/postgres.ts';
import { seenIn } from './seen.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';

/** What the least role that may connect sees of the parts, each changed by what changes it in life. */
const NAME = `w_${randomBytes(5).toString('hex')}`;
const SLOT = `${NAME}_slot`;
const NAMES = { publication: NAME, slot: SLOT };
const TABLE = 'public.agent_test_history';

let open: OpenDatabase;
let dba: Pool;

beforeAll(async () => {
  open = await openMigratedDatabase();
  dba = createPool({ url: open.database.superuserUrl, name: 'test dba', connections: 1 });
});
afterAll(async () => {
  await dba.query(
    'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
    [SLOT],
  );
  await dba.end();
  await open.close();
});

const seen = (stored?: bigint) => seenIn(open.pool, NAMES, stored);
const publication = async (...statements: string[]) => {
  for (const statement of statements) await dba.query(statement);
  return (await seen()).publication;
};

test('server and timeline are told to everybody; publication and slot are not there yet', async () => {
  expect(await seen(5n)).toEqual({
    system: expect.stringMatching(/^\d{15,20}$/) as string,
    timeline: '1',
    publication: null,
    slot: null,
    position: { confirmed: null, stored: 5n },
    unfit: { publication: 'there is no such publication', slot: 'there is none' },
  });
  expect(Number((await readWrites(open.pool)).xmax)).toBeGreaterThan(0);
});

test('a publication is another one when it is made again, or publishes our table otherwise, and not for another table', async () => {
  const first = await publication(`CREATE PUBLICATION ${NAME} FOR TABLE ${TABLE}`);
  expect(first).toMatch(
    new RegExp(
      String.raw`^${NAME} \(oid \d+\), insert update delete truncate, of table public\.agent_test_history \(oid \d+\), entry \d+$`,
    ),
  );
  expect(await publication(`ALTER PUBLICATION ${NAME} ADD TABLE public.agent_contexts`)).toBe(first);
  const others = [
    await publication(`ALTER PUBLICATION ${NAME} SET TABLE ${TABLE} (id, scenario)`),
    await publication(`ALTER PUBLICATION ${NAME} SET TABLE ${TABLE} WHERE (dry_run)`),
    await publication(`ALTER PUBLICATION ${NAME} SET TABLE public.agent_contexts`),
    await publication(
      `ALTER PUBLICATION ${NAME} SET TABLE ${TABLE}`,
      `ALTER PUBLICATION ${NAME} SET (publish = 'insert')`,
    ),
    await publication(`DROP PUBLICATION ${NAME}`, `CREATE PUBLICATION ${NAME} FOR TABLE ${TABLE}`),
  ];
  expect(new Set([first, ...others]).size).toBe(6);
  // A new column of the application is published as all others are.
  expect(await publication(`ALTER TABLE ${TABLE} ADD COLUMN more text`)).toBe(others.at(-1));
});

test('a slot of ours has its position; one of another use is none', async () => {
  await dba.query('SELECT pg_create_logical_replication_slot($1, $2)', [SLOT, 'test_decoding']);
  expect(await seen(5n)).toMatchObject({ slot: null, position: { confirmed: null } });
  await dba.query('SELECT pg_drop_replication_slot($1)', [SLOT]);
  const { rows } = await dba.query<{ lsn: string }>(
    'SELECT lsn::text FROM pg_create_logical_replication_slot($1, $2)',
    [SLOT, 'pgoutput'],
  );
  const [high = '0', low = '0'] = (rows[0]?.lsn ?? '').split('/');
  expect(await seen(5n)).toMatchObject({
    slot: `${SLOT}, pgoutput, database ${open.database.name}`,
    position: { confirmed: (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`) },
  });
});

test('a look has slot and stored offset side by side, and what has failed without its secrets', async () => {
  const tasks = [{ id: 0, state: 'FAILED', trace: 'no hunter2 there' }];
  const answers: Record<string, unknown> = {
    '/connectors/c/offsets': { offsets: [{ offset: { lsn: 5 } }] },
    '/connectors/c/config': { name: 'c' },
    '/connectors/c/status': { connector: { state: 'RUNNING' }, tasks },
  };
  const connect = createServer((request, response) => {
    response.end(JSON.stringify(answers[request.url ?? '']));
  });
  await new Promise<void>((resolve) => connect.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void connect.close());
  const url = `http://127.0.0.1:${String((connect.address() as AddressInfo).port)}`;
  const config = loadConfig(
    {
      ...{ LEGACY_DATABASE_URL: open.database.url, DATABASE_URL: open.database.url, CONNECT_URL: url },
      ...{ PUBLICATION_NAME: NAME, SLOT_NAME: SLOT, CONNECTOR_NAME: 'c', LOG_LEVEL: 'silent' },
      CONNECTOR_DATABASE_URL: 'postgresql://c:hunter2@db/app',
    },
    undefined,
  );
  const services = new Services(config, { name: 'test' });
  onTestFinished(() => services.close());
  const looked = () => look({ services, config, facts: WATCHED, withinMs: 60_000 });
  const found = await looked();
  expect(found.present).toEqual(await seen(5n));
  expect(found.failure).toEqual({ what: 'task 0', trace: 'no *** there' });
  expect([...found.blind.keys()]).toEqual(['kafka']);
  Object.assign(answers, { '/connectors/c/offsets': { offsets: [] } });
  tasks.length = 0;
  expect(await looked()).toMatchObject({ present: { position: { stored: null } }, failure: null });
});

test('a server that keeps its identity to itself is not known, and all else is', async () => {
  await dba.query('REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC');
  const present = await seen();
  await dba.query('GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC');
  expect(present).not.toHaveProperty('system');
  expect(present.timeline).toBe('1');
});

test('restarts are claimed by all projectors together', async () => {
  const claim = (connector: string, cap: number) => claimRestart(open.pool, connector, { cap, pauseMs: 0 });
  const claims = await Promise.all([1, 2, 3, 4, 5].map(() => claim('one', 3)));
  expect(claims.sort()).toEqual(['now', 'now', 'now', 'used_up', 'used_up']);
  expect(await claim('another', 1)).toBe('now');
  await open.pool.query(
    "UPDATE history_cdc.connector_restart SET requested_at = requested_at - interval '61 minutes'",
  );
  expect(await claimRestart(open.pool, 'one', { cap: 3, pauseMs: 60_000 })).toBe('now');
  expect(await claimRestart(open.pool, 'one', { cap: 3, pauseMs: 60_000 })).toBe('wait');
  const { rows } = await open.pool.query('SELECT FROM history_cdc.connector_restart');
  expect(rows).toHaveLength(5);
});
