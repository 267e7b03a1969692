import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { fileOf, mutated, testFileOf } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const inCheckout = (file: string) => path.join(CHECKOUT, file);

test.each(MUTANTS)('the mutant $id applies, and there is a test file to catch it', (mutant) => {
  const source = readFileSync(inCheckout(fileOf(mutant)), 'utf8');
  expect(mutated(source, mutant)).not.toBe(source);
  expect(existsSync(inCheckout(testFileOf(mutant)))).toBe(true);
});

test('a mutant whose text is not there, or is there twice, is refused', () => {
  const mutant = { id: 'lock', at: 'a.ts', find: 'lock()', replace: '' };
  expect(() => mutated('unlock', mutant)).toThrow('lock: its text stands 0 times in a.ts, not once');
  expect(() => mutated('lock(); lock();', mutant)).toThrow('stands 2 times');
  expect(mutated('take(\n  a,\n  b,\n);', { ...mutant, find: 'take(a, b);', replace: 'go();' })).toBe(
    'go();',
  );
  expect(mutated('before; lock(); $&', { ...mutant, replace: '$&$1' })).toBe('before; $&$1; $&');
});

test('every mutant has a name of its own, and its line in docs/safeguards.md', () => {
  const ids = MUTANTS.map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(50);
  expect(new Set(ids).size).toBe(ids.length);
  const page = readFileSync(inCheckout('docs/safeguards.md'), 'utf8');
  expect([...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, id]) => id)).toEqual(ids);
});
