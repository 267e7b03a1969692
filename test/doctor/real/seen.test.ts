import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CHECKS } from '../../../operations/checks/all.ts';
import { BY_FACTS, SEEN } from './seen.ts';
import { OF_THE_SERVER } from './server-settings.ts';
import { WRONG_OBJECTS, WRONG_SETTINGS } from './postgres.ts';
import { WRONG_SERVICES } from './services.ts';

const ids = CHECKS.map(({ id }) => id);

test('every check was broken for real, or there is a reason why not; and nothing else is named', () => {
  expect([...Object.keys(SEEN), ...Object.keys(BY_FACTS)].sort()).toEqual([...ids].sort());
});

test('what is broken in a table of cases is a check', () => {
  const cases = [...OF_THE_SERVER, ...WRONG_OBJECTS, ...WRONG_SETTINGS, ...WRONG_SERVICES];
  expect(cases.map(({ id }) => id).filter((id) => !(id in SEEN))).toEqual([]);
});

test('docs/doctor-tested.md has the checks that were broken, and those that were not', () => {
  const page = readFileSync(new URL('../../../docs/doctor-tested.md', import.meta.url), 'utf8');
  const named = [...page.matchAll(/^\| `([a-z-]+)` \| (.+?) \|/gm)].map(([, id, how]) => [id, how]);
  const broken = Object.entries(SEEN).map(([id, { brokenBy }]) => [id, brokenBy]);
  expect(named.sort()).toEqual([...broken, ...Object.entries(BY_FACTS)].sort());
});

/** A test takes its cases from the table that it imports. */
function textOf(where: string): string {
  const test = readFileSync(new URL(`../${where}`, import.meta.url), 'utf8');
  const tables = [...test.matchAll(/'\.\/(real\/[a-z-]+\.ts)'/g)].map(([, file]) => file ?? '');
  return [test, ...tables.map((file) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'))].join(
    '\n',
  );
}

test.each(Object.entries(SEEN))('%s is asked for where it is said to be', (id, { where }) => {
  expect(textOf(where)).toMatch(new RegExp(`['"]${id}['":]|\\b${id}: '`));
});
