import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Results } from '../results.ts';
import { chartsOf } from './charts.ts';
import { renderPage } from './page.ts';

/** Writes the results, and the page and charts that are made of them. */
export function writeResults(folder: string, results: Results): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'results.json'), `${JSON.stringify(results, rounded, 1)}\n`);
  for (const [name, svg] of chartsOf(results)) writeFileSync(path.join(folder, name), svg);
  writeFileSync(path.join(folder, 'RESULTS.md'), renderPage(results));
}

export function readResults(folder: string): Results {
  return JSON.parse(readFileSync(path.join(folder, 'results.json'), 'utf8')) as Results;
}

/** No figure is known to more than six digits. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(7)) : value;
}
