import { randomInt } from 'node:crypto';
import fc from 'fast-check';

/**
 * How the model tests are run, and run again. Each test runs a fixed seed, and a fresh one that it prints. What
 * fast-check prints of a failure goes in here:
 *
 *   MODEL_SEED=-1234 MODEL_PATH=17:3:2 npx vitest run --project unit test/model
 *
 * MODEL_RUNS is the number of histories of each seed.
 */
const { MODEL_SEED, MODEL_PATH, MODEL_RUNS } = process.env;

const FIXED_SEED = 20_260_304;

export interface Runs {
  readonly seed: number;
  readonly path?: string;
  readonly numRuns: number;
}

export function runsOf(numRuns: number): Runs[] {
  const runs = MODEL_RUNS === undefined ? numRuns : Number(MODEL_RUNS);
  if (MODEL_SEED !== undefined)
    return [
      { seed: Number(MODEL_SEED), numRuns: runs, ...(MODEL_PATH === undefined ? {} : { path: MODEL_PATH }) },
    ];
  return [FIXED_SEED, randomInt(2 ** 31)].map((seed) => ({ seed, numRuns: Math.ceil(runs / 2) }));
}

/** Short failures: the history, the seed and the path are what is needed to see it again. */
export const REPORT = { endOnFailure: false, verbose: 0 } satisfies fc.Parameters<unknown>;
