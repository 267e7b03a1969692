import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pauseRun, stopRun, type Answer } from '../../connectors/snapshot/ask.ts';
import { isOpen, type SnapshotRun } from '../../connectors/snapshot/runs.ts';
import type { Scope } from '../../connectors/snapshot/scope.ts';
import { withSession, type Session } from '../../connectors/snapshot/session.ts';
import { executeData, sendSignal } from '../../connectors/snapshot/signal.ts';
import { startSnapshot } from '../../connectors/snapshot/start.ts';
import { statusOf, type SnapshotStatus } from '../../connectors/snapshot/status.ts';
import { watchRun } from '../../connectors/snapshot/watch.ts';
import { connectClient } from '../../connectors/deploy/target.ts';
import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import { usePipeline } from '../support/pipeline.ts';
import { endServer, startServersAgain } from '../support/servers.ts';
import { until } from '../support/until.ts';

/*
 * Incremental snapshots on the real servers, one story in its order. Where a snapshot must not go on by itself, the
 * table is locked, so that Debezium waits in its next chunk.
 */

const ROWS = 200;
const CHUNK = 20;
const TABLE: Scope = { kind: 'table' };
const REMARK = { by: 'person', why: 'a test' } as const;

const pipeline = usePipeline({
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
  },
});

let session: Session;
let close: () => void = () => undefined;
let closed: Promise<void> = Promise.resolve();

beforeAll(async () => {
  const { config } = pipeline();
  await configured({ 'incremental.snapshot.chunk.size': String(CHUNK) });
  session = await new Promise<Session>((resolve, reject) => {
    closed = withSession(config, async (opened) => {
      resolve(opened);
      await new Promise<void>((end) => (close = end));
    });
    closed.catch(reject);
  });
});
afterAll(async () => {
  close();
  await closed;
  await startServersAgain();
});

/** Changes settings of the connector past our own commands, and returns when its task runs with them. */
async function configured(settings: Readonly<Record<string, string>>): Promise<void> {
  const { config } = pipeline();
  const connect = connectClient(config);
  const name = config.CONNECTOR_NAME;
  await connect.putConfig(name, { ...(await connect.config(name)), ...settings });
  await beating();
}

/** Returns when a heartbeat that is written from now on has come through: the task runs, and reads on. */
async function beating(): Promise<void> {
  const topic = `${pipeline().config.TOPIC_PREFIX}.history_cdc_source.heartbeat`;
  const high = async () => (await pipeline().cluster.watermarks(topic)).get(0)?.high ?? 0n;
  // Two, because one may have been on its way.
  const enough = (await high()) + 2n;
  await until('the connector reads on', async () => (await high()) >= enough);
}

/** Nobody reads the table until it is released. */
async function locked(): Promise<() => Promise<void>> {
  const client = await pipeline().pool.connect();
  await client.query('BEGIN; LOCK TABLE public.agent_test_history IN ACCESS EXCLUSIVE MODE');
  return async () => {
    await client.query('COMMIT');
    client.release();
  };
}

function started(answer: Answer): SnapshotRun {
  if (answer.kind === 'answered') return answer.run;
  throw new Error(answer.diagnosis.why.join('; '));
}

async function start(scope: Scope): Promise<SnapshotRun> {
  return started(await startSnapshot(session, { scope, timeoutMs: 30_000, again: 'start again' }));
}

async function ended({ id }: SnapshotRun): Promise<SnapshotRun> {
  return await until(`the run ${id} ends`, () => {
    const run = session.observer.current().history.runs.find((known) => known.id === id);
    return run !== undefined && !isOpen(run) && run;
  });
}

async function status(coverage = true): Promise<SnapshotStatus> {
  return await statusOf(session, { coverage });
}

test('before the projector ran, the rows are read and not covered; after it, it is done', async () => {
  const before = await status();
  expect(before).toMatchObject({
    verdict: 'uncovered',
    initial: 'completed',
    next: 'history-cdc project --until-caught-up',
    coverage: { legacyRows: ROWS, uncovered: ROWS },
    recordsToProject: ROWS,
  });
  await pipeline().project();
  expect(await status()).toMatchObject({
    verdict: 'done',
    run: null,
    coverage: { uncovered: 0 },
    next: null,
  });
});

describe('a snapshot of the whole table', () => {
  let run: SnapshotRun;

  test('has begun when Debezium says so; a second one is refused', async () => {
    const release = await locked();
    run = await start(TABLE);
    await expect(start(TABLE)).rejects.toMatchObject({ code: 'SNAPSHOT_RUNNING' });
    expect(await status(false)).toMatchObject({ verdict: 'running', run: { id: run.id, condition: null } });
    const paused = pauseRun(session, run, {
      timeoutMs: 30_000,
      remark: { by: 'person', why: 'the nightly dump' },
    });
    await release();
    expect(started(await paused).state).toBe('paused');
  });

  test('paused, it tells how far it is and why it stands', async () => {
    const { verdict, reasons, run: report, next } = await status(false);
    expect({ verdict, reasons, next }).toEqual({
      verdict: 'paused',
      reasons: ['paused: the nightly dump'],
      next: 'history-cdc snapshot resume',
    });
    expect(report).toMatchObject({ rowsTotal: ROWS, secondsLeft: null });
    expect(report?.rowsDone).toBeGreaterThanOrEqual(CHUNK);
    expect(report?.rowsDone).toBeLessThan(ROWS);
  });

  test('over a killed worker it goes on where it was, without the pause, and comes to its end', async () => {
    const before = await pipeline().records();
    await endServer('connect', 'SIGKILL');
    expect(await status(false)).toMatchObject({ connector: { state: 'UNREACHABLE' }, verdict: 'paused' });
    await startServersAgain();
    expect(await ended(run)).toMatchObject({ state: 'succeeded', pauseForgotten: true });
    await pipeline().project();
    expect(await status()).toMatchObject({
      verdict: 'done',
      run: { rowsDone: ROWS, rowsTotal: ROWS },
      coverage: { uncovered: 0 },
      recordsToProject: 0,
    });
    expect(await pipeline().records()).toBeGreaterThan(before);
  });
});

test('a watch holds it back while the database is unwell, says why, and lets it go on', async () => {
  await pipeline().query('CREATE TABLE unwell (much int)');
  await pipeline().query('INSERT INTO unwell VALUES (10)');
  const release = await locked();
  const run = await start(TABLE);
  const notes: string[] = [];
  const stands = new Set<string | null>();
  const end = watchRun(session, run.id, {
    pace: { limits: { query: 5 }, query: 'SELECT much FROM unwell' },
    intervalMs: 100,
    stalledAfterMs: 60_000,
    signal: new AbortController().signal,
    note: (line) => notes.push(line),
    onTick: (tick) => stands.add(tick.stands),
  });
  await until('it is noted', () => notes.includes('held back: the query gives 10 (limit 5)'));
  await release();
  const held = await until('it is paused', async () => {
    const now = await status(false);
    return now.verdict === 'paused' && now;
  });
  expect(held).toMatchObject({
    reasons: ['held back: the query gives 10 (limit 5)'],
    next: 'history-cdc snapshot watch',
    pause: { by: 'pace' },
  });
  await pipeline().query('UPDATE unwell SET much = 5 * 0.8');
  expect(await end).toMatchObject({ kind: 'ended', run: { id: run.id, state: 'succeeded' } });
  expect(notes).toContain('it reads on');
});

test('a stop ends it before its end, though Debezium calls that completed', async () => {
  const release = await locked();
  const run = await start(TABLE);
  const stopped = stopRun(session, run, { timeoutMs: 30_000, remark: REMARK });
  await release();
  expect(started(await stopped).state).toBe('stopped');
  expect(await status(false)).toMatchObject({ verdict: 'stopped', run: { state: 'stopped' } });
});

describe('a part of the table is read again', () => {
  test('by ids: their records, and no others, and done when they are projected', async () => {
    const ids = await pipeline().query<{ id: string }>(
      'SELECT id::text FROM agent_test_history ORDER BY random() LIMIT 3',
    );
    const before = await pipeline().records();
    const list = ids.map(({ id }) => id).join(',');
    const { code, stdout } = await pipeline().run(['snapshot', 'start', '--ids', list, '--json']);
    expect(code).toBe(0);
    const { id } = JSON.parse(stdout) as { id: string };
    await ended({ id } as SnapshotRun);
    await until('they are in the topic', async () => (await pipeline().records()) === before + 3);
    expect(await status(false)).toMatchObject({
      run: { id, rowsDone: 3, rowsTotal: 3 },
      recordsToProject: expect.any(Number),
    });
  });

  test('what the ledger has lost is found by its key, asked for, and covered again', async () => {
    await pipeline().project();
    const lost = await pipeline().query<{ id: string }>(
      'DELETE FROM history_cdc.ledger WHERE legacy_id IN (SELECT legacy_id FROM history_cdc.ledger ORDER BY legacy_id LIMIT 2) RETURNING legacy_id::text AS id',
    );
    const found = await status();
    expect(found).toMatchObject({
      verdict: 'uncovered',
      next: 'history-cdc snapshot start --missing',
      coverage: { uncovered: 2, ids: lost.map(({ id }) => id) },
    });
    const projector = pipeline().start(['project']);
    const { code, stdout } = await pipeline().run(['snapshot', 'start', '--missing', '--follow', '--json']);
    projector.signal('SIGTERM');
    expect({ code, answer: JSON.parse(stdout) as unknown }).toMatchObject({
      code: 0,
      answer: { verdict: 'done', run: { rowsTotal: 2 }, coverage: { uncovered: 0 } },
    });
    await projector.ended;
  });

  test.each(['no_such_column = 1', "id = 'x') OR (true", 'true; DROP TABLE agent_test_history'])(
    'not by a condition that Postgres does not take: %s',
    async (condition) => {
      await expect(start({ kind: 'where', condition })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    },
  );

  test('by a condition that is true of no row, it is read and empty', async () => {
    const run = await start({ kind: 'where', condition: `id = '${randomUUID()}' -- nobody` });
    expect(await ended(run)).toMatchObject({ state: 'succeeded', scan: 'EMPTY' });
  });
});

describe('a signal that is lost', () => {
  test('because the slot went past it: status says so, and to start again', async () => {
    const { SLOT_NAME } = pipeline().config;
    const connect = connectClient(pipeline().config);
    await connect.pause(pipeline().config.CONNECTOR_NAME);
    await until('the slot is free', async () => {
      const active = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
      return (await pipeline().asDba(active, [SLOT_NAME])).length === 0;
    });
    await expect(start(TABLE)).rejects.toMatchObject({ code: 'CONNECTOR_FAILED' });
    const { id } = await sendSignal(session.legacy, 'execute-snapshot', executeData(TABLE));
    await pipeline().asDba('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [SLOT_NAME]);
    await connect.resume(pipeline().config.CONNECTOR_NAME);
    const found = await until('it is known to be lost', async () => {
      const now = await status(false);
      return now.verdict === 'unanswered' && now.next === 'history-cdc snapshot start' && now;
    });
    expect(found.reasons[0]).toMatch(
      new RegExp(`^the signal ${id} of .* was never answered: the connector has read beyond it`),
    );
  });

  test('because the connector listens elsewhere: start gives up, and says what to look at', async () => {
    await configured({ 'signal.data.collection': 'history_cdc_source.elsewhere' });
    const { code, stdout } = await pipeline().run(['snapshot', 'start', '--timeout', '8']);
    expect(code).toBe(1);
    expect(stdout).toContain('no answer to the signal within 8 s');
    expect(stdout).toContain('the connector has read beyond the signal, and took no notice of it');
    expect(stdout).toContain('way out: `history-cdc connector plan`');
  });
});
