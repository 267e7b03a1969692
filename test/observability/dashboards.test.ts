import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { dashboardFiles } from '../../observability/build-dashboards.ts';
import { dashboards } from './dashboard-files.ts';
import { knownNames, namesIn, OBSERVABILITY } from './rules.ts';

const known = await knownNames();

test('the committed dashboards are those that the builders make (npm run docs:dashboards)', () => {
  const files = dashboardFiles();
  expect(
    dashboards()
      .map(({ file }) => file)
      .toSorted(),
  ).toEqual(Object.keys(files).toSorted());
  for (const [name, text] of Object.entries(files))
    expect(readFileSync(path.join(OBSERVABILITY, 'dashboards', name), 'utf8')).toBe(text);
});

test('every panel asks, and only for metrics that somebody gives', () => {
  const queries = dashboards().flatMap(({ queries: asked }) => asked);
  expect(queries.length).toBeGreaterThan(30);
  const names = queries.flatMap(namesIn);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});
