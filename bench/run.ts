/**
 * `npm run bench`: this projector beside what a user would pick instead, in one run on the local stack. `--help` lists the
 * options.
 *
 * A part that fails or hangs ends at its limit and the next begins; what is finished is written at once. Exit code 1: a
 * part has no figures, or `--against` finds this checkout slower. A target that is missed is no failure: the page says so.
 */
import { stopOnSignal } from '../lib/stop-signal.ts';
import { compareCheckouts } from './against.ts';
import { measureParts } from './measure-parts.ts';
import { readOptions } from './options.ts';
import type { BenchOptions } from './part.ts';
import { readResults, writeResults } from './report/files.ts';
import { PART_NAMES } from './results.ts';
import { startBenchStack } from './stack.ts';

const values = readOptions(process.argv);
const options: BenchOptions = { rows: values.rows, manyRows: values.manyRows, runs: values.runs };
const names = values.only ?? PART_NAMES;
/** Only a whole bench belongs on the page, unless somebody says where else to. */
const out = values.out ?? (values.only === undefined ? 'bench' : undefined);
const note = (line: string) => void process.stderr.write(`${line}\n`);
const print = (line: string) => void process.stdout.write(`${line}\n`);

if (values.render) {
  writeResults('bench', readResults('bench'));
  process.exit();
}
const stop = stopOnSignal();
const stack = await startBenchStack(process.env, note);
try {
  if (values.against === undefined) {
    const record = (results: Parameters<typeof writeResults>[1]) => {
      if (out !== undefined) writeResults(out, results);
    };
    const { minutes } = values;
    const { parts } = await measureParts({ stack, names, options, minutes, stop, note, print, record });
    if (Object.values(parts).some(({ kind }) => kind !== 'measured')) process.exitCode = 1;
  } else {
    const shape = values.large === true ? 'large' : 'small';
    const compared = {
      stack,
      options,
      shape,
      stop,
      note,
      print,
      other: values.against,
      live: values.window === true,
    } as const;
    if (!(await compareCheckouts(compared))) process.exitCode = 1;
  }
} finally {
  await stack.stop();
}
// What a part left behind when it was given up must not keep the process.
process.exit();
