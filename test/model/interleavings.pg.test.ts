import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Counts } from './counts.ts';
import { anyHistory } from './history.ts';
import { MemoryEngine } from './memory.ts';
import { PostgresEngine } from './postgres.ts';
import { runHistory } from './run-history.ts';
import { runsOf } from './runs.ts';

let engine: PostgresEngine;
beforeAll(async () => {
  engine = await PostgresEngine.open();
});
afterAll(async () => {
  await engine.close();
});

describe('any history, in Postgres', () => {
  test.each(runsOf(200))('keeps the invariants, and comes to the same as in memory (seed $seed)', async (runs) => {
    const counts = new Counts();
    const property = fc.asyncProperty(anyHistory, async (history) => {
      const inMemory = await runHistory(history, new MemoryEngine());
      const inPostgres = await runHistory(history, engine);
      counts.addAll(inPostgres.counts);
      expect(inPostgres.final).toEqual(inMemory.final);
      expect(String(inPostgres.counts)).toEqual(String(inMemory.counts));
    });
    await fc.assert(property, { ...runs, endOnFailure: process.env['MODEL_SHRINK'] === undefined });
    console.log(String(counts));
    expect(counts.of('twins')).toBeGreaterThan(0);
  }, 300_000);
});
