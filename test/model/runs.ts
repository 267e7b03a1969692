import { randomInt } from 'node:crypto';

/**
 * How the model tests are run, and run again. The seed is fixed, so that a run of all tests says something about the code
 * and not about luck; MODEL_SEED=fresh takes another, which the test's name shows. What fast-check prints of a failure
 * goes in here:
 *
 *   MODEL_SEED=-1234 MODEL_PATH=17:3:2 npx vitest run --project unit test/model
 *
 * MODEL_RUNS is the number of histories. In Postgres a failing history is not made smaller unless
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
  return [{ seed: seed(), numRuns: runs, endOnFailure, ...path }];
}

function seed(): number {
  if (MODEL_SEED === undefined) return FIXED_SEED;
  return MODEL_SEED === 'fresh' ? randomInt(2 ** 31) : Number(MODEL_SEED);
}
