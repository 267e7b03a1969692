import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StatusReport } from '../../operations/status/report.ts';
import { insertRuns, MARKER, seedOrganisations } from '../support/application-rows.ts';
import { expectedRunId } from '../support/canonical.ts';
import type { Command } from '../support/command.ts';
import { usePipeline } from '../support/pipeline.ts';
import { joinAsStranger } from '../support/stranger.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { reconciled } from '../support/reconciled.ts';
import { askConnect } from '../support/ask-connect.ts';

/*
 * One watch over a deployment while one thing after the other breaks and is mended, by a role that may only read.
 */
const ROWS = 40;
const pipeline = usePipeline({
  partitions: 2,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
  },
});

const PASSWORD = 'hunter2-never-to-be-seen';
let operator: Readonly<Record<string, string>>;
let watch: Command;
let projector: Command;

/** What docs/runbook.md names for whoever runs `status` and nothing else. */
const GRANTS = `
  GRANT pg_read_all_stats TO operator;
  GRANT USAGE ON SCHEMA history_cdc, history_cdc_source TO operator;
  GRANT SELECT ON history_cdc.migration, history_cdc.topic, history_cdc.consumer_offset, history_cdc.gap, history_cdc.source_identity, history_cdc.last_sweep,
                  history_cdc.reconcile_run, history_cdc.reconcile_finding, history_cdc.verification,
                  history_cdc.verification_pass, history_cdc.stage, history_cdc.soak_look, history_cdc.webhook,
                  history_cdc.webhook_message TO operator;
  GRANT SELECT (decision, reason, source_deleted_at) ON history_cdc.ledger TO operator;
  GRANT SELECT (tested_at) ON history_cdc.unsettled_twin TO operator;
  GRANT SELECT (healed_at, waived_at) ON history_cdc.quarantine TO operator;
  GRANT SELECT (id) ON public.agent_test_history TO operator;
  GRANT SELECT ON history_cdc_source.heartbeat, history_cdc_source.signal TO operator`;

beforeAll(async () => {
  const { config } = pipeline();
  const role = `op_${config.SLOT_NAME}`;
  await pipeline().asDba(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
  await pipeline().asDba(GRANTS.replaceAll('operator', role));
  const url = new URL(config.DATABASE_URL);
  [url.username, url.password] = [role, PASSWORD];
  operator = { DATABASE_URL: url.href };
  projector = pipeline().start(['project'], { SWEEP_INTERVAL_SECONDS: '1' });
  await projector.while('all is projected', async () => {
    return (await pipeline().value<string>('SELECT count(*) FROM history_cdc.ledger')) === String(ROWS);
  });
  watch = pipeline().start(['status', '--watch', '1', '--json'], operator);
});
// Before the database goes.
afterAll(async () => {
  const role = `op_${pipeline().config.SLOT_NAME}`;
  for (const command of [watch, projector]) command.signal('SIGKILL');
  await Promise.all([watch.ended, projector.ended]);
  await pipeline().asDba(`DROP OWNED BY ${role}`);
  await pipeline().asDba(`DROP ROLE ${role}`);
});

/** The first report from now on of which it is true. */
async function shows(what: string, is: (report: StatusReport) => boolean): Promise<StatusReport> {
  const since = new Date().toISOString();
  return await watch.while(what, () =>
    watch.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as StatusReport)
      .find((report) => report.at > since && is(report)),
  );
}

/** What `status` prints, and whether it ends with 1. */
async function screen(
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly stdout: string; readonly no: boolean }> {
  const settings = { ...pipeline().settings, ...operator, ...more };
  const { code, stdout } = await runInProcess(['status'], settings);
  expect(stdout).not.toContain(PASSWORD);
  expect(code).toBeLessThan(2);
  return { stdout, no: code === 1 };
}

const isGood = ({ state }: StatusReport) => state === 'good';
const tells =
  (id: string) =>
  ({ next }: StatusReport) =>
    next?.id === id;

test('all is projected, and nobody has compared it: that is what to do', async () => {
  const report = await shows('the verdict is missing', tells('verdict'));
  expect(report).toMatchObject({
    state: 'attention',
    next: { fix: 'history-cdc reconcile' },
    lag: { records: 0, seconds: 0 },
    projectors: 1,
    ledger: { rowsSeen: ROWS, notDeleted: ROWS, legacyRows: ROWS, unseen: 0 },
    verdicts: [],
  });
  await shows('a sweep has ended', ({ sweeper }) => {
    const last = sweeper?.last;
    return last !== undefined && last !== null && last !== 'not_stored' && last.done?.by === 'project';
  });
});

test('compared, the screen says good, in 40 lines', async () => {
  expect((await reconciled(pipeline().pool)).run.verdict).toBe('proven');
  await shows('it is good', isGood);
  const { no, stdout } = await screen();
  expect(no).toBe(false);
  expect(stdout).toMatch(/^GOOD: .*\nnext: nothing/m);
  expect(stdout).toMatch(/^connector +ok +t_\w+ RUNNING, task RUNNING; heartbeat \d+ s ago$/m);
  expect(stdout).toMatch(/^lag +ok +0 records, 0 s; last commit \d+ s ago$/m);
  expect(stdout).toMatch(/^sweeper +ok +last sweep \d+ s ago: nothing to do; 0 twins unsettled/m);
  expect(stdout).toMatch(/^verdict +ok +proven \d+ s ago over 40 legacy rows$/m);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.length).toBeLessThan(40);
});

describe('what breaks is told with its fix, and good again when it is mended:', () => {
  const tell = async (verb: 'pause' | 'resume') => {
    const { CONNECT_URL, CONNECTOR_NAME } = pipeline().config;
    await askConnect(`${CONNECT_URL}/connectors/${CONNECTOR_NAME}/${verb}`, 'PUT');
  };

  test('a connector that somebody paused', async () => {
    await tell('pause');
    const report = await shows('the pause', tells('connector-tasks'));
    expect(report).toMatchObject({ state: 'wrong', next: { fix: 'history-cdc connector resume' } });
    await tell('resume');
    await shows('it is good', isGood);
  });

  test('a projector that was stopped: at once, and wrong as soon as rows wait', async () => {
    projector.signal('SIGTERM');
    await projector.ended;
    expect(await shows('none runs', tells('projector-runs'))).toMatchObject({ state: 'attention' });
    await insertRuns(pipeline().pool, ROWS + 1, ROWS + 5);
    const report = await shows('the rows wait', ({ lag }) => lag?.records === 5);
    expect(report).toMatchObject({
      state: 'wrong',
      next: { id: 'projector-runs', fix: 'history-cdc project' },
      projectors: 0,
    });
    expect(report.lag?.seconds).toBeGreaterThan(0);
    projector = pipeline().start(['project']);
    const mended = await shows('nothing waits', (now) => isGood(now) && now.lag?.records === 0);
    expect(mended.lag?.seconds).toBe(0);
  });

  test('another application in the consumer group, which gets partitions and is not counted as a projector', async () => {
    const { CONSUMER_GROUP: group } = pipeline().config;
    const leave = await joinAsStranger(pipeline().config, { group, topic: pipeline().topic });
    expect(await shows('the stranger', tells('group-ours'))).toMatchObject({
      state: 'wrong',
      projectors: 1,
      problems: [{ evidence: expect.stringContaining('billing at 127.0.0.1') as string }],
    });
    await leave();
    await shows('it is good', isGood);
  });

  test('a record that could not be read', async () => {
    await pipeline().produce([{ key: Buffer.from('no key'), value: Buffer.from('no record'), partition: 0 }]);
    const report = await shows('it is parked', tells('quarantine-empty'));
    expect(report).toMatchObject({
      state: 'wrong',
      next: { fix: expect.stringMatching(/^history-cdc quarantine list /) as string },
      quarantine: { open: 1, waived: 0 },
    });
    await pipeline().query(
      `UPDATE history_cdc.quarantine SET waived_at = now(), waived_by = 'a test', waive_reason = 'it is one'`,
    );
    expect(await shows('it is good', isGood)).toMatchObject({ quarantine: { open: 0, waived: 1 } });
  });

  test('a canonical row that is not as it should be', async () => {
    const [row] = await pipeline().query<{ legacy_id: string }>(
      `SELECT legacy_id FROM history_cdc.ledger WHERE decision = 'projected' ORDER BY legacy_id LIMIT 1`,
    );
    await pipeline().query(`UPDATE agent_compliance_runs SET headline = 'not so' WHERE id = $1`, [
      expectedRunId(row?.legacy_id ?? ''),
    ]);
    expect((await reconciled(pipeline().pool)).run.verdict).toBe('wrong');
    expect(await shows('the verdict', tells('verdict'))).toMatchObject({
      state: 'wrong',
      next: { fix: 'history-cdc reconcile --last' },
      verdicts: [{ verdict: 'wrong' }, { verdict: 'proven' }],
    });
    // The running projector finds it by itself.
    const found = await shows('the verification', ({ verification }) => verification?.state === 'wrong');
    expect(found.verification).toMatchObject({ wrong: 1, kinds: { different: 1 }, ids: [row?.legacy_id] });
  });
});

test('a Connect that does not answer is named first, and the rest is shown', async () => {
  const { no, stdout } = await screen({ CONNECT_URL: `http://user:${PASSWORD}@127.0.0.1:1` });
  expect(no).toBe(true);
  expect(stdout).toMatch(/^WRONG: 3 things, mend this one first\nconnect-reachable: /m);
  expect(stdout).toMatch(/^services +WRONG +no answer: Kafka Connect; legacy database/m);
  expect(stdout).toMatch(/^lag +ok +0 records, 0 s/m);
  expect(stdout).toMatch(/^snapshot +\? +initial completed/m);
  expect(stdout).toMatch(/^also +WRONG +verdict: /m);
});

test('stopped, the watch ends as its last look did, and nothing secret was ever shown', async () => {
  watch.signal('SIGINT');
  const { code, stderr } = await watch.ended;
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(pipeline().output).not.toContain(PASSWORD);
  expect(watch.stdout).not.toContain(MARKER);
});
