/**
 * `npm run bench`: this projector beside what a user would pick instead, in one run on the local stack.
 *
 *   npm run bench                                    all parts; writes results.json, RESULTS.md and charts into bench/
 *   npm run bench -- --only latency --only window    some parts; prints, and writes nothing
 *   npm run bench -- --against ../before             the projectors of two checkouts take turns; exit code 1: this one is slower
 *   npm run bench -- --render                        RESULTS.md and charts anew, of the results.json that is there
 *
 * A part that fails or hangs ends at its limit and the next begins; what is finished is written at once. Exit code 1: a
 * part has no figures. A target that is missed is no failure: the page says so.
 */
import { parseArgs } from 'node:util';
import { stopOnSignal } from '../lib/stop-signal.ts';
import { compareCheckouts } from './against.ts';
import { measureParts } from './measure-parts.ts';
import type { BenchOptions } from './part.ts';
import { readResults, writeResults } from './report/files.ts';
import { PART_NAMES, type PartName } from './results.ts';
import { startBenchStack } from './stack.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    'many-rows': { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '3' },
    minutes: { type: 'string', default: '24' },
    only: { type: 'string', multiple: true },
    out: { type: 'string' },
    against: { type: 'string' },
    large: { type: 'boolean', default: false },
    window: { type: 'boolean', default: false },
    render: { type: 'boolean', default: false },
  },
});
const options: BenchOptions = {
  rows: positive('rows'),
  manyRows: positive('many-rows'),
  runs: positive('runs'),
};
const names = values.only === undefined ? PART_NAMES : values.only.map(partName);
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
    const minutes = positive('minutes');
    const { parts } = await measureParts({ stack, names, options, minutes, stop, note, print, record });
    if (Object.values(parts).some(({ kind }) => kind !== 'measured')) process.exitCode = 1;
  } else {
    const shape = values.large ? 'large' : 'small';
    const compared = {
      stack,
      options,
      shape,
      stop,
      note,
      print,
      other: values.against,
      live: values.window,
    } as const;
    if (!(await compareCheckouts(compared))) process.exitCode = 1;
  }
} finally {
  await stack.stop();
}
// What a part left behind when it was given up must not keep the process.
process.exit();

function positive(name: 'rows' | 'many-rows' | 'runs' | 'minutes'): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`--${name} must be a whole number above 0`);
}

function partName(text: string): PartName {
  const name = PART_NAMES.find((known) => known === text);
  if (name !== undefined) return name;
  throw new Error(`--only knows ${PART_NAMES.join(', ')}`);
}
