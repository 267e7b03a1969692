import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Counts } from './counts.ts';
import { EXAMPLES, expectEnds } from './examples/check.ts';
import { directorOf, historyOf } from './examples/director.ts';
import { anyHistory, type History } from './history.ts';
import { MemoryEngine } from './memory.ts';
import { PostgresEngine } from './postgres.ts';
import { runHistory, type Director, type Ran } from './run-history.ts';
import { runsOf } from './runs.ts';

let engine: PostgresEngine;
beforeAll(async () => {
  engine = await PostgresEngine.open();
});
afterAll(async () => {
  await engine.close();
});

/**
 * Postgres and the model of it must come to the same, step by step and to the last column, as long as the order is
 * ours: of two that wait at the same time, Postgres chooses.
 */
async function runInBoth(
  history: History,
  directed: () => Director | undefined = () => undefined,
): Promise<Ran> {
  const inMemory = await runHistory(history, new MemoryEngine(), directed());
  const inPostgres = await runHistory(history, engine, directed());
  expect(await engine.differing(), 'I1: each row that is there has the hash of its content').toEqual([]);
  if (!inMemory.isDetermined || !inPostgres.isDetermined) return inPostgres;
  expect(inPostgres.trace).toEqual(inMemory.trace);
  expect(inPostgres.final).toEqual(inMemory.final);
  expect(String(inPostgres.counts)).toBe(String(inMemory.counts));
  inPostgres.counts.add('histories compared with the model in memory');
  return inPostgres;
}

describe('in Postgres', () => {
  test.each(EXAMPLES)('$name', async (example) => {
    expectEnds(example, await runInBoth(historyOf(example), () => directorOf(example)));
  });

  test.each(runsOf(100, { shrinks: false }))(
    'any history keeps the invariants, and comes to the definition (seed $seed)',
    async (runs) => {
      const counts = new Counts();
      const property = fc.asyncProperty(anyHistory, async (history) => {
        counts.addAll((await runInBoth(history)).counts);
      });
      await fc.assert(property, runs);
      console.log(String(counts));
      expect(counts.tooRare(runs.numRuns)).toEqual([]);
    },
    300_000,
  );
});
