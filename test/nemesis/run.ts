/**
 * `npm run test:nemesis`: one real stack, an application that writes all the time, and a seeded storm of faults over it.
 *
 *   npm run test:nemesis -- --minutes 10 --seed 7          green or red; exit code 1 if it is red
 *   npm run test:nemesis -- --minutes 10 --projectors 4 --partitions 16 --workers 2
 *
 * The seed repeats the schedule. docs/nemesis.md says how to read the report.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { stateFolder } from '../../stack/state-folder.ts';
import { runNemesis } from './nemesis.ts';
import { renderReport, verdictOf } from './report.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Date.now() / 1000) % 1_000_000) },
    rows: { type: 'string', default: '3000' },
    projectors: { type: 'string', default: '1' },
    partitions: { type: 'string', default: '4' },
    workers: { type: 'string', default: '1' },
    report: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    stop.abort(new Error('stopped by a signal'));
  });
const seed = numberOf('seed');
const folder = values.report ?? path.join(stateFolder(process.env), 'nemesis', `seed-${String(seed)}`);
const report = await runNemesis({
  seed,
  minutes: numberOf('minutes'),
  rows: numberOf('rows'),
  projectors: numberOf('projectors'),
  partitions: numberOf('partitions'),
  workers: numberOf('workers'),
  keep: values.keep,
  folder,
  environment: process.env,
  signal: stop.signal,
  note: (line) => void process.stderr.write(`${line}\n`),
});
process.stdout.write(`${renderReport(report)}\nthe whole report: ${folder}\n`);
process.exit(verdictOf(report) === 'green' ? 0 : 1);

function numberOf(name: 'minutes' | 'seed' | 'rows' | 'projectors' | 'partitions' | 'workers'): number {
  const number = Number(values[name]);
  if (number > 0) return number;
  throw new Error(`--${name} must be a number above 0`);
}
