import { randomInt } from 'node:crypto';

/**
 * How the model tests are run, and run again. Each test takes a fixed seed, and a fresh one that its name shows. What
 * fast-check prints of a failure goes in here:
 *
 *   MODEL_SEED=-1234 MODEL_PATH=17:3:2 npx vitest run --project unit test/model
 *
 * MODEL_RUNS is the number of histories, of all seeds together. In Postgres a failing history is not made smaller unless
 * MODEL_SHRINK is set, because each attempt takes a while: what fails there mostly fails in memory, too.
 */
const { MODEL_SEED, MODEL_PATH, MODEL_RUNS, MODEL_SHRINK } = process.env;

const FIXED_SEED = 20_260_304;

export interface Runs {
  readonly seed: number;
  readonly path?: string;
  readonly numRuns: number;
  readonly endOnFailure: boolean;
}

/** The parameters of fast-check, one set a test. */
export function runsOf(numRuns: number, { shrinks }: { shrinks: boolean }): Runs[] {
  const runs = MODEL_RUNS === undefined ? numRuns : Number(MODEL_RUNS);
  const endOnFailure = !shrinks && MODEL_SHRINK === undefined;
  const path = MODEL_PATH === undefined ? {} : { path: MODEL_PATH };
  if (MODEL_SEED !== undefined) return [{ seed: Number(MODEL_SEED), numRuns: runs, endOnFailure, ...path }];
  return [FIXED_SEED, randomInt(2 ** 31)].map((seed) => ({
    seed,
    numRuns: Math.ceil(runs / 2),
    endOnFailure,
  }));
}
