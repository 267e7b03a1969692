import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import type { TeardownReport } from '../../operations/teardown/teardown.ts';
import { PART_IDS } from '../../operations/teardown/part.ts';
import { runSourceSql } from '../../connectors/deploy/run-sql.ts';
import { sourceSql } from '../../connectors/deploy/source-sql.ts';
import { topicNames } from '../../lib/names.ts';
import { askConnect } from '../support/ask-connect.ts';
import { withDatabase } from '../support/database.ts';
import { usePipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';
import { recordDrop } from '../retire/retired-stage.ts';

/*
 * One deployment, taken away by the command that an operator types, and looked at from outside after each step. The tests
 * are one story and run in their order.
 */

const role = `t_${randomBytes(5).toString('hex')}_connector`;
const the = usePipeline({
  connected: false,
  seed: async (pool) => {
    await pool.query(
      `INSERT INTO agent_contexts (organization_id, agent_url) VALUES ('org', 'https://agent.example');
       INSERT INTO agent_test_history (agent_context_id, scenario, overall_passed, steps_passed, steps_failed)
         SELECT id, 'quality_evaluation', true, 1, 0 FROM agent_contexts, generate_series(1, 5)`,
    );
  },
});

/** The pipeline's, with a connector role that our script made for this deployment alone. */
let own: { readonly CONNECTOR_DATABASE_URL: string; readonly LEGACY_DATABASE_URL: string };

beforeAll(async () => {
  const connectorUrl = new URL(the().config.CONNECTOR_DATABASE_URL);
  const known = decodeURIComponent(connectorUrl.username);
  connectorUrl.username = role;
  const database = new URL(the().config.DATABASE_URL).pathname.slice(1);
  const LEGACY_DATABASE_URL = withDatabase(inject('servers').superuserUrl, database);
  own = { CONNECTOR_DATABASE_URL: connectorUrl.href, LEGACY_DATABASE_URL };
  await the().asDba(`REVOKE ALL ON ALL TABLES IN SCHEMA public, history_cdc_source FROM ${known}`);
  await runSourceSql(LEGACY_DATABASE_URL, sourceSql({ ...the().config, ...own }));
  const [row] = await the().asDba<{ rolpassword: string }>(
    'SELECT rolpassword FROM pg_authid WHERE rolname = $1',
    [known],
  );
  await the().asDba(`ALTER ROLE ${role} PASSWORD '${row?.rolpassword ?? ''}'`);
  expect((await the().run(['connector', 'apply'], own)).code).toBe(0);
  await the().project();
});

/** What the command says, by part, as its owner calls it unless a test changes a setting. */
async function teardown(args: readonly string[], settings: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await the().run(['teardown', '--json', ...args], { ...own, ...settings });
  if (code === 2)
    return { code, error: (JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as { code: string }).code };
  const { parts, ...report } = JSON.parse(stdout) as TeardownReport;
  const states = Object.fromEntries(
    parts.map(({ id, state, removed }) => [id, removed ? `removed ${state}` : state]),
  );
  return { code, report, states, parts };
}

const all = (state: string, others: Readonly<Record<string, string>> = {}) => ({
  ...Object.fromEntries(PART_IDS.map((id) => [id, state])),
  ledger: 'kept',
  // The table was never fenced.
  fence: 'absent',
  ...others,
});

/** What the servers themselves have of the deployment. */
async function outside() {
  const { config, cluster } = the();
  const names = new Set<string>(Object.values(topicNames(config)));
  const { schemaRegistryUrl, connectUrl } = inject('servers');
  const subjects = (await (await fetch(`${schemaRegistryUrl}/subjects`)).json()) as string[];
  const groups = await the().admin.listGroups();
  const there = async (text: string, name: string) => (await the().asDba(text, [name])).length;
  return {
    connector: (await askConnect(`${connectUrl}/connectors/${config.CONNECTOR_NAME}`, 'GET')).ok ? 1 : 0,
    slots: await there('SELECT FROM pg_replication_slots WHERE slot_name = $1', config.SLOT_NAME),
    publications: await there('SELECT FROM pg_publication WHERE pubname = $1', config.PUBLICATION_NAME),
    schemas: await there('SELECT FROM pg_namespace WHERE nspname = $1', 'history_cdc_source'),
    roles: await there('SELECT FROM pg_roles WHERE rolname = $1', role),
    topics: (await cluster.listTopics()).filter((topic) => names.has(topic)).length,
    subjects: subjects.filter((subject) => [...names].some((name) => subject.startsWith(name))).length,
    groups: groups.groups.filter(({ groupId }) => groupId === config.CONSUMER_GROUP).length,
    ledgers: await there('SELECT FROM pg_namespace WHERE nspname = $1', 'history_cdc'),
  };
}

const CONFIRMED = ['--apply', '--confirm', 'agent_test_history'];
const WHOLE = {
  connector: 1,
  slots: 1,
  publications: 1,
  schemas: 1,
  roles: 1,
  topics: 5,
  groups: 1,
  ledgers: 1,
};

describe('a deployment that works', () => {
  test('is listed, and nothing is changed', async () => {
    expect(await teardown([])).toMatchObject({
      code: 0,
      states: all('there'),
      report: { ready: true, complete: false },
    });
    const there = await outside();
    expect(there).toMatchObject(WHOLE);
    expect(there.subjects).toBeGreaterThanOrEqual(2);
  });

  test('stays while the name of the table is not typed', async () => {
    expect(await teardown(['--apply'])).toEqual({ code: 2, error: 'NOT_CONFIRMED' });
    expect(await outside()).toMatchObject(WHOLE);
  });

  test('stays while a projector is a member of the group', async () => {
    const projector = the().start(['project']);
    await until(
      'the projector is a member',
      async () => ((await the().cluster.describeGroup(the().config.CONSUMER_GROUP))?.ours ?? 0) > 0,
    );
    expect(await teardown([])).toMatchObject({ code: 1, report: { ready: false } });
    expect(await teardown(CONFIRMED)).toEqual({ code: 2, error: 'PROJECTOR_RUNNING' });
    projector.signal('SIGTERM');
    await projector.ended;
    expect(await outside()).toMatchObject(WHOLE);
  });

  test('keeps its connector where the role may not drop the slot; the DBA gets the SQL', async () => {
    const answer = await teardown(CONFIRMED, { LEGACY_DATABASE_URL: the().config.DATABASE_URL });
    expect(answer).toMatchObject({ code: 1, states: all('there') });
    expect(answer.parts?.find(({ id }) => id === 'slot')?.byHand).toBe(
      `SELECT pg_drop_replication_slot('${the().config.SLOT_NAME}');`,
    );
    expect(await outside()).toMatchObject(WHOLE);
    const { connector } = (await (
      await fetch(`${the().config.CONNECT_URL}/connectors/${the().config.CONNECTOR_NAME}/status`)
    ).json()) as {
      connector: { state: string };
    };
    expect(connector.state).toBe('RUNNING');
  });

  test('keeps everything where Kafka Connect or the legacy database is not seen', async () => {
    const nobody = 'http://127.0.0.1:1';
    expect(await teardown(CONFIRMED, { CONNECT_URL: nobody })).toMatchObject({
      code: 1,
      states: all('there', { connector: 'unknown', 'stored-offset': 'unknown' }),
    });
    const parts = ['slot', 'publication', 'source-tables', 'fence', 'role'];
    const unseen = Object.fromEntries(parts.map((part) => [part, 'unknown']));
    expect(
      await teardown(CONFIRMED, { LEGACY_DATABASE_URL: 'postgresql://app@127.0.0.1:1/app' }),
    ).toMatchObject({
      code: 1,
      states: all('there', unseen),
    });
    expect(await outside()).toMatchObject(WHOLE);
  });
});

describe('taken away', () => {
  test('a projector that runs when the table is dropped on purpose ends with TABLE_RETIRED, and opens no gap', async () => {
    // The watchdog would see it as well: here it looks only once an hour.
    const projector = the().start(['project', '--json'], { WATCHDOG_SECONDS: '3600' });
    await until(
      'the projector is a member',
      async () => ((await the().cluster.describeGroup(the().config.CONSUMER_GROUP))?.ours ?? 0) > 0,
    );
    await the().query('DROP TABLE public.agent_test_history CASCADE');
    await recordDrop(the().pool, { drilled: true });
    const { code, stderr } = await projector.ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining('"TABLE_RETIRED"')]);
    expect(await the().query('SELECT FROM history_cdc.gap')).toEqual([]);
    const status = await the().run(['status', '--json'], own);
    expect([status.code, (JSON.parse(status.stdout) as { next: unknown }).next]).toMatchObject([
      1,
      { id: 'left-stored-offset' },
    ]);
  });

  test('where Kafka and the registry do not answer, the rest goes, and they count as not seen', async () => {
    const answer = await teardown(CONFIRMED, {
      KAFKA_BROKERS: '127.0.0.1:1',
      SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
    });
    expect(answer).toMatchObject({
      code: 1,
      report: { complete: false },
      states: all('removed absent', { topics: 'unknown', subjects: 'unknown', group: 'unknown' }),
    });
    expect(await outside()).toMatchObject({
      connector: 0,
      slots: 0,
      publications: 0,
      schemas: 0,
      roles: 0,
      topics: 5,
      groups: 1,
    });
  });

  test('the half that is left goes with the next run', async () => {
    expect(await teardown(CONFIRMED)).toMatchObject({
      code: 0,
      report: { complete: true },
      states: all('absent', {
        topics: 'removed absent',
        subjects: 'removed absent',
        group: 'removed absent',
      }),
    });
    expect(await outside()).toEqual({
      ...Object.fromEntries(Object.keys(WHOLE).map((key) => [key, 0])),
      subjects: 0,
      ledgers: 1,
    });
  });

  test('a projector that is started on what is gone ends at once, and opens no gap', async () => {
    const { code, stderr } = await the().run(['project', '--json'], own);
    expect([code, stderr]).toEqual([2, expect.stringContaining('"TABLE_RETIRED"')]);
    expect(await the().query('SELECT FROM history_cdc.gap')).toEqual([]);
  });

  test('run again, it sees nothing left', async () => {
    expect(await teardown(CONFIRMED)).toMatchObject({
      code: 0,
      report: { complete: true },
      states: all('absent'),
    });
    for (const command of ['status', 'doctor']) {
      const { code, stdout } = await the().run([command, '--json'], own);
      expect([command, code, (JSON.parse(stdout) as { next?: unknown }).next ?? null]).toEqual([
        command,
        0,
        null,
      ]);
    }
  });

  test('the ledger goes only by its name, alone, and never with something of somebody else', async () => {
    expect(await teardown([...CONFIRMED, '--ledger'])).toEqual({ code: 2, error: 'NOT_CONFIRMED' });
    await the().query('CREATE VIEW of_the_application AS SELECT legacy_id FROM history_cdc.ledger');
    const named = ['--apply', '--ledger', '--confirm', 'history_cdc'];
    const kept = await teardown(named);
    expect(kept).toMatchObject({ code: 1, states: all('absent', { ledger: 'there' }) });
    expect(kept.parts?.find(({ id }) => id === 'ledger')?.why).toContain('public.of_the_application');
    await the().query('DROP VIEW of_the_application');
    expect(await teardown(named)).toMatchObject({
      code: 0,
      states: all('absent', { ledger: 'removed absent' }),
    });
    expect(await outside()).toMatchObject({ ledgers: 0 });
    // The action log knew that the stored offset was gone. With the log gone, nobody knows.
    expect(await teardown(named)).toMatchObject({ code: 1, states: { 'stored-offset': 'unknown' } });
  });
});
