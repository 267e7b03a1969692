import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Counts } from './counts.ts';
import { EXAMPLES, expectEnds } from './examples/check.ts';
import { directorOf, historyOf } from './examples/director.ts';
import { anyHistory } from './history.ts';
import { MemoryEngine } from './memory.ts';
import { runHistory } from './run-history.ts';
import { runsOf } from './runs.ts';

describe('in memory', () => {
  test.each(EXAMPLES)('$name', async (example) => {
    const ran = await runHistory(historyOf(example), new MemoryEngine(), directorOf(example));
    expectEnds(example, ran);
  });

  test.each(runsOf(2000, { shrinks: true }))(
    'any history keeps the invariants, and comes to the definition (seed $seed)',
    async (runs) => {
      const counts = new Counts();
      const property = fc.asyncProperty(anyHistory, async (history) => {
        counts.addAll((await runHistory(history, new MemoryEngine())).counts);
      });
      await fc.assert(property, runs);
      console.log(String(counts));
      expect(counts.tooRare(runs.numRuns)).toEqual([]);
    },
    300_000,
  );
});
