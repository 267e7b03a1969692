import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { faultsPage } from './document.ts';
import { FAULTS } from './matrix.ts';

const TESTS = path.resolve(import.meta.dirname, '..', '..');

test('there are 54 faults, each with a number of its own', () => {
  const ids = FAULTS.map(({ id }) => id);
  expect(ids).toEqual(Array.from({ length: 54 }, (_, n) => `F${String(n + 1).padStart(2, '0')}`));
});

test.each(FAULTS)('$id is injected by tests that exist, or says what it lacks', ({ tests, lacks }) => {
  if (lacks === undefined) expect(tests).not.toEqual([]);
  for (const injection of tests) {
    const source = readFileSync(path.join(TESTS, injection.in ?? injection.file), 'utf8');
    expect(source, injection.file).toContain(injection.test);
  }
});

test('docs/faults.md is what the matrix says', () => {
  const page = readFileSync(path.join(TESTS, '..', 'docs', 'faults.md'), 'utf8');
  expect(page).toBe(faultsPage(FAULTS));
});
