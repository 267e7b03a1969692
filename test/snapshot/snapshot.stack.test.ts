import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { connectClient } from '../../connectors/deploy/target.ts';
import { movedTo } from '../../operations/connector/resume.ts';
import { lsnOf } from '../../operations/facts/wal.ts';
import { pauseRun, stopRun, type SignalOutcome } from '../../operations/snapshot/ask.ts';
import { isOpen, type SnapshotRun } from '../../operations/facts/snapshot-runs.ts';
import type { Scope } from '../../operations/snapshot/scope.ts';
import { executeData, sendSignal } from '../../operations/snapshot/signal.ts';
import { startSnapshot } from '../../operations/snapshot/start.ts';
import { statusOf, type SnapshotStatus } from '../../operations/snapshot/status.ts';
import { watchRun } from '../../operations/snapshot/watch.ts';
import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import { usePipeline } from '../support/pipeline.ts';
import { endServer, startServersAgain } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { configured, gate, gated, told, useSession } from './session.ts';

/*
 * Incremental snapshots on the real servers, one story in its order. Where a snapshot must not go on by itself, its
 * condition waits for a lock that the test holds.
 */

const ROWS = 200;
const CHUNK = 20;
/** pgoutput leaves a generated column out: without column.exclude.list, every incremental snapshot fails at its first chunk. */
const GENERATED =
  'ALTER TABLE agent_test_history ADD COLUMN brief_length int GENERATED ALWAYS AS (length(brief)) STORED';
const TABLE: Scope = { kind: 'table' };
const REMARK = { by: 'person', why: 'a test' } as const;

const pipeline = usePipeline({
  seed: async (pool) => {
    await pool.query(GENERATED);
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
  },
});

const session = useSession(pipeline, CHUNK);

function started(answer: SignalOutcome): SnapshotRun {
  if (answer.kind === 'answered') return answer.run;
  throw new Error(answer.diagnosis.why.join('; '));
}

async function start(scope: Scope): Promise<SnapshotRun> {
  return started(await startSnapshot(session(), { scope, timeoutMs: 30_000, again: 'start again' }));
}

async function ended({ id }: SnapshotRun): Promise<SnapshotRun> {
  return await until(`the run ${id} ends`, () => {
    const run = session()
      .observer.current()
      .history.runs.find((known) => known.id === id);
    return run !== undefined && !isOpen(run) && run;
  });
}

async function status(coverage = true): Promise<SnapshotStatus> {
  return await statusOf(session(), { coverage });
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

test('a snapshot of the whole table reads every row, and is done when all is projected', async () => {
  const before = await pipeline().records();
  const run = await start(TABLE);
  expect(await ended(run)).toMatchObject({ state: 'succeeded', rowsTotal: ROWS });
  await until('the rows are in the topic', async () => (await pipeline().records()) >= before + ROWS);
  await pipeline().project();
  expect(await status()).toMatchObject({
    verdict: 'done',
    run: { id: run.id, condition: null, rowsDone: ROWS, rowsTotal: ROWS },
    coverage: { uncovered: 0 },
    recordsToProject: 0,
  });
});

describe('a snapshot that is under way', () => {
  let run: SnapshotRun;

  test('has begun when Debezium says so; a second one is refused', async () => {
    const release = await gate(pipeline());
    run = await start(gated());
    await expect(start(TABLE)).rejects.toMatchObject({ code: 'SNAPSHOT_RUNNING' });
    expect(await status(false)).toMatchObject({ verdict: 'running', run: { id: run.id, state: 'running' } });
    const paused = pauseRun(session(), run, {
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

  test('over a restart of Kafka Connect it goes on where it was, without the pause, and comes to its end', async () => {
    await endServer('connect', 'SIGTERM');
    expect(await status(false)).toMatchObject({ connector: { state: 'UNREACHABLE' }, verdict: 'paused' });
    await startServersAgain();
    expect(await ended(run)).toMatchObject({ state: 'succeeded', pauseForgotten: true });
    expect(await status(false)).toMatchObject({ verdict: 'read', run: { rowsDone: ROWS, rowsTotal: ROWS } });
  });
});

test('a watch holds it back while the database is unwell, says why, and lets it go on', async () => {
  await pipeline().query('CREATE TABLE unwell (much int)');
  await pipeline().query('INSERT INTO unwell VALUES (10)');
  const release = await gate(pipeline());
  const run = await start(gated());
  const notes: string[] = [];
  const end = watchRun(session(), run.id, {
    pace: { limits: { query: 5 }, query: 'SELECT much FROM unwell' },
    intervalMs: 100,
    stalledAfterMs: 60_000,
    signal: new AbortController().signal,
    note: (line) => notes.push(line),
    onTick: () => undefined,
  });
  await until('it is noted', () => notes.includes('held back: the query returns 10 (limit 5)'));
  await release();
  const held = await until('it is paused', async () => {
    const now = await status(false);
    return now.verdict === 'paused' && now;
  });
  expect(held).toMatchObject({
    reasons: ['held back: the query returns 10 (limit 5)'],
    next: 'history-cdc snapshot watch',
    pause: { by: 'pace' },
  });
  await pipeline().query('UPDATE unwell SET much = 5 * 0.8');
  expect(await end).toMatchObject({ kind: 'ended', run: { id: run.id, state: 'succeeded' } });
  expect(notes).toContain('resumed, because all values are below their limits again');
});

test('a stop ends it before its end, though Debezium calls that completed', async () => {
  const release = await gate(pipeline());
  const run = await start(gated());
  const stopped = stopRun(session(), run, { timeoutMs: 30_000, remark: REMARK });
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
    await until('they are in the topic', async () => (await pipeline().records()) >= before + 3);
    expect(await status(false)).toMatchObject({ run: { id, rowsDone: 3, rowsTotal: 3 } });
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
      coverage: { uncovered: 2, ids: lost.map(({ id }) => id).sort() },
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
    const { SLOT_NAME, CONNECTOR_NAME } = pipeline().config;
    await told(pipeline(), 'stop');
    await until('the slot is free', async () => {
      const active = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
      return (await pipeline().asDba(active, [SLOT_NAME])).length === 0;
    });
    await expect(start(TABLE)).rejects.toMatchObject({ code: 'CONNECTOR_FAILED' });
    const { id } = await sendSignal(session().legacy, 'execute-snapshot', executeData(TABLE));
    // The test stack commits before the WAL is on disk, and a slot advances no further than that.
    const end = await pipeline().value<string>('SELECT pg_current_wal_insert_lsn()::text');
    await until('the signal is on disk', () =>
      pipeline().value<boolean>('SELECT pg_current_wal_flush_lsn() >= $1::pg_lsn', [end]),
    );
    await pipeline().asDba('SELECT pg_replication_slot_advance($1, $2)', [SLOT_NAME, end]);
    // Debezium does not start where the server keeps nothing from the stored offset on: `connector resume` moves it, too.
    const connect = connectClient(pipeline().config);
    const [stored = {}] = await connect.offsets(CONNECTOR_NAME);
    await connect.moveOffset(CONNECTOR_NAME, movedTo(lsnOf(end), stored));
    await told(pipeline(), 'resume');
    const found = await until('it is known to be lost', async () => {
      const now = await status(false);
      return now.verdict === 'unanswered' && now.next === 'history-cdc snapshot start' && now;
    });
    expect(found.reasons[0]).toMatch(
      new RegExp(`^the signal ${id} of .* was never answered: the connector has read beyond it`),
    );
  });

  test('because the connector listens elsewhere: start gives up, and says what to look at', async () => {
    await configured(pipeline(), { 'signal.data.collection': 'history_cdc_source.elsewhere' });
    const { code, stdout } = await pipeline().run(['snapshot', 'start', '--timeout', '8']);
    expect(code).toBe(1);
    expect(stdout).toContain('no answer to the signal within 8 s');
    expect(stdout).toContain('the connector has read past the signal and ignored it');
    expect(stdout).toContain('history-cdc connector plan');
  });
});
