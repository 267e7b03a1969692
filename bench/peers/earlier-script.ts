import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { withPool } from '../databases.ts';
import type { Dataset } from '../dataset.ts';
import { measuredStatements, type Measurement } from '../measurement.ts';
import { Meter } from '../meter.ts';
import type { BenchStack } from '../stack.ts';

const CHUNK = sqlFile(import.meta.url, './sql/earlier-script.sql');
export const CHUNK_ROWS = 1_000;
const SAMPLES = 5;
const CHUNKS_A_SAMPLE = 4;

/** All legacy ids, in the order of the script. */
export async function idsInOrder(pool: Client): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM agent_test_history ORDER BY id');
  return rows.map(({ id }) => id);
}

/** Copies the rows as the script did, but without its pause of 100 ms a chunk. */
export async function copyInChunks(pool: Client, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += CHUNK_ROWS) await copyChunk(pool, ids.slice(at, at + CHUNK_ROWS));
}

export async function copyChunk(pool: Client, ids: readonly string[]): Promise<void> {
  await pool.query(CHUNK, [ids]);
}

/**
 * What the script takes for the whole table, by samples: a chunk costs more the more is there already, so a few chunks
 * are measured in the middle of each fifth of the table, and what lies between is filled in at once.
 */
export async function sampleScript(
  stack: BenchStack,
  dataset: Dataset,
  signal: AbortSignal,
): Promise<Measurement> {
  return await stack.databases.withCopy(dataset.database, async (copy) => {
    return await withPool(stack.databases.urlOf(copy), async (pool) => {
      const ids = await idsInOrder(pool);
      const sampled = Math.min(CHUNKS_A_SAMPLE * CHUNK_ROWS, Math.floor(ids.length / SAMPLES / 2));
      const meter = new Meter(stack.servers);
      const startedMs = Date.now();
      let seconds = 0;
      let done = 0;
      for (let sample = 0; sample < SAMPLES; sample++) {
        signal.throwIfAborted();
        const from = Math.floor(((sample + 0.5) / SAMPLES) * ids.length);
        await copyChunk(pool, ids.slice(done, from));
        const start = performance.now();
        await copyInChunks(pool, ids.slice(from, from + sampled));
        seconds += (performance.now() - start) / 1000;
        done = from + sampled;
      }
      meter.stop();
      const whole = (seconds / (sampled * SAMPLES)) * ids.length;
      const all = { peer: 'earlier script', meter, startedMs, rows: ids.length };
      return { ...measuredStatements({ ...all, seconds: whole }), cpu: {} };
    });
  });
}
