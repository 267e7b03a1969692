import { expect, test } from 'vitest';
import { Counts } from './counts.ts';

test('histories in which something happens too rarely are named', () => {
  const counts = new Counts();
  expect(counts.tooRare(1_000)).toContain('twins: 0');
  counts.add('twins', 79);
  expect(counts.tooRare(1_000)).toContain('twins: 79');
  counts.add('twins');
  expect(counts.tooRare(1_000).filter((text) => text.startsWith('twins'))).toEqual([]);
  expect(counts.tooRare(1), 'one history, run again, need bring nothing about').toEqual([]);
});
