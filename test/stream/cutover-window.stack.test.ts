import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contentHash } from '../support/canonical.ts';
import type { Command } from '../support/command.ts';
import { blockWritersOf, seenGone, seenWaiting } from '../support/faults.ts';
import { usePipeline } from '../support/pipeline.ts';
import { mulberry32 } from '../support/shuffle.ts';
import { until } from '../support/until.ts';
import { STREAMED_FROM } from '../support/window/kinds.ts';
import { seedWindow } from '../support/window/world.ts';
import { WindowWriter } from '../support/window/writer.ts';

/** What is written, and when the projector is killed, follows from it; what meets what is up to the machine. */
const SEED = Number(process.env['WINDOW_SEED'] ?? randomInt(2 ** 31));
const random = mulberry32(SEED);
const KILLS = 8;
const PARTITIONS = 2;
/** Where the connector is applied. */
const BEFORE = 0.2;
/** How long a user of the application thinks while the connector is applied: its runs are spread over that time. */
const THINKING_MS = 200;
/** Rows that the application may be ahead of the projector, so that there is a backlog and a stream at every kill. */
const AHEAD = 60;
/** So many that no partition is left out. */
const MARKS = 32;

/** With half of the seeds, pairs settle while the window is still open; with the other half, none does. */
const SETTLING = SEED % 2 === 1 ? { MATCH_WINDOW_SECONDS: '10', SETTLE_MARGIN_SECONDS: '2' } : undefined;

type Block = Awaited<ReturnType<typeof blockWritersOf>>;

const pipeline = usePipeline({ partitions: PARTITIONS, connected: false, seed: seedWindow });
let writer: WindowWriter;
let projector: Command;
let kills = 0;

beforeAll(async () => {
  await pipeline().query(readFileSync(new URL('../support/window/check.sql', import.meta.url), 'utf8'));
  const url = pipeline().config.DATABASE_URL;
  writer = new WindowWriter({ url, seed: SEED, pace, decided: decisionOn });
});
afterAll(async () => {
  await writer.end();
});

async function pace(): Promise<void> {
  if (writer.phase === 'applying') await pause(THINKING_MS);
  if (writer.phase === 'streaming') {
    await until('the projector follows', async () => (await written()) - (await decidedRows()) < AHEAD);
  }
}

async function decisionOn(legacyId: string): Promise<string> {
  return await until('the projector decides while the live write is open', async () => {
    const [row] = await pipeline().query<{ decision: string }>(
      'SELECT decision FROM history_cdc.ledger WHERE legacy_id = $1',
      [legacyId],
    );
    return row?.decision;
  });
}

async function written(): Promise<number> {
  return await pipeline().value('SELECT count(*)::integer FROM truth.legacy_row');
}

async function decidedRows(): Promise<number> {
  return await pipeline().value('SELECT count(*)::integer FROM history_cdc.ledger');
}

async function violations(): Promise<unknown[]> {
  return await pipeline().query('SELECT what, subject FROM truth.violation ORDER BY what, subject');
}

const DOUBLED = "SELECT count(*)::integer FROM truth.violation WHERE what = 'doubled'";
const SETTLED = `
  SELECT count(*)::integer FROM history_cdc.ledger
  WHERE decision = 'twin' AND legacy_id NOT IN (SELECT legacy_id FROM history_cdc.unsettled_twin)`;
const LOCK_IS_ASKED_FOR = `
  SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'agent_compliance_runs'::regclass AND mode = 'ShareLock' AND NOT granted)`;

/** Returns when everything that was written so far is decided. */
async function drained(): Promise<void> {
  const marks = await Promise.all(Array.from({ length: MARKS }, () => writer.mark()));
  await projector.while('everything written before the marks is decided', async () => {
    const decided = await pipeline().query<{ partition: number }>(
      'SELECT partition FROM history_cdc.ledger WHERE legacy_id = ANY ($1::uuid[])',
      [marks],
    );
    return decided.length === MARKS && new Set(decided.map(({ partition }) => partition)).size === PARTITIONS;
  });
}

/** Returns when the sweeper has nothing more to absorb. */
async function absorbed(): Promise<void> {
  await projector
    .while('late live rows are absorbed', async () => (await pipeline().value(DOUBLED)) === 0)
    .catch(async (cause: unknown) => {
      throw new Error(JSON.stringify(await violations(), undefined, 2), { cause });
    });
}

/** Each has a group of its own, or it would wait until Kafka gives up its dead predecessor. */
let started = 0;
function startProjector(): Command {
  return pipeline().start(['project', '--json'], {
    CONSUMER_GROUP: `${pipeline().config.CONSUMER_GROUP}-${String(++started)}`,
    SWEEP_INTERVAL_SECONDS: '1',
    BATCH_ROWS: '7',
    ...SETTLING,
  });
}

/** kill -9 as soon as so many rows are decided, or in the middle of the next transaction that writes decisions. */
async function killAt(rows: number, where: 'anywhere' | 'in a transaction'): Promise<void> {
  await projector.while(`${String(rows)} rows are decided`, async () => (await decidedRows()) >= rows);
  if (where === 'anywhere') {
    projector.signal('SIGKILL');
  } else {
    const block = await blockWritersOf(pipeline(), 'history_cdc.ledger');
    await writer.straggle();
    await killWaiting(block);
  }
  expect(await projector.ended).toMatchObject({ signal: 'SIGKILL' });
}

/** kill -9 while its transaction waits for what the block holds. */
async function killWaiting(block: Block): Promise<void> {
  try {
    await seenWaiting(pipeline(), projector);
    projector.signal('SIGKILL');
  } finally {
    await block.release();
  }
}

test(`the application writes while the connector is applied (WINDOW_SEED=${String(SEED)})`, async () => {
  await writer.write(BEFORE);
  writer.phase = 'applying';
  let connected = false;
  const connecting = pipeline()
    .connect()
    .finally(() => {
      connected = true;
    });
  const goOn = async () => {
    while (!connected) {
      await pause(THINKING_MS);
      await writer.straggle();
    }
  };
  await Promise.all([connecting, writer.write(STREAMED_FROM), goOn()]);
  writer.phase = 'streaming';
});

test('while it goes on, the projector is killed again and again', async () => {
  const rows = (await written()) + writer.legacyRowsLeft;
  const killing = async () => {
    projector = startProjector();
    for (let kill = 0; kill < KILLS; kill++) {
      const at = 1 + Math.floor((0.95 * rows * (kill + random())) / KILLS);
      await killAt(at, kill % 3 === 1 ? 'in a transaction' : 'anywhere');
      kills++;
      projector = startProjector();
    }
  };
  await Promise.all([writer.write(), killing()]);
});

test('it is killed while a live row takes over from a canonical row of ours', async () => {
  await drained();
  const lock: { taken?: Promise<Block> } = {};
  await writer.writeLate(async () => {
    // Behind the open live write, and before any projector that has seen it committed.
    lock.taken = blockWritersOf(pipeline(), 'agent_compliance_runs');
    await until('the lock is asked for', () => pipeline().value(LOCK_IS_ASKED_FOR));
  });
  if (lock.taken === undefined) throw new Error('nobody asked for the lock');
  await killWaiting(await lock.taken);
  expect(await projector.ended).toMatchObject({ signal: 'SIGKILL' });
  kills++;
  await seenGone(pipeline());
  expect(await pipeline().value(DOUBLED)).toBeGreaterThan(0);
  projector = startProjector();
});

test('once late live rows are absorbed, no run is doubled, lost or elevated', async () => {
  await absorbed();
  projector.signal('SIGTERM');
  expect(await projector.ended).toMatchObject({ code: 0 });
  expect(await violations()).toEqual([]);
  expect(kills).toBe(KILLS + 1);
  const settled = await pipeline().value<number>(SETTLED);
  expect({ settled: settled > 50 }).toEqual({ settled: SETTLING !== undefined });
});

test('a run that ends by itself and a replay of the whole topic change nothing', async () => {
  const before = await contentHash(pipeline());
  expect(await pipeline().project(SETTLING)).toMatchObject({ read: 0, changes: { total: 0 } });
  expect(await contentHash(pipeline())).toBe(before);
  const replay = await pipeline().facts(['replay'], SETTLING);
  expect(replay.read).toBe(await pipeline().records());
  expect(replay.changes.total).toBe(0);
  expect(await contentHash(pipeline())).toBe(before);
  expect(await violations()).toEqual([]);
});
