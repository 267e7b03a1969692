import { expect, test } from 'vitest';
import { inFile, type Fault } from './fault.ts';
import { lineOf, seenOf, type EndedTest } from './seen.ts';

const fault: Fault = {
  ...{ id: 'F00', fault: 'a fault', injected: 'by hand', mustBeSeen: 'nothing', invariants: ['I1'] },
  tests: inFile('a.test.ts', 'it is survived', 'and so is '),
};
const ended = (title: string, passed = true): EndedTest => ({
  ...{ file: 'a.test.ts', title, passed, seconds: 1, invariants: [] },
});
const BOTH = [ended('group it is survived'), ended('and so is this'), ended('and so is that')];

test('a fault is survived when each of its tests ran and passed', () => {
  expect(seenOf(fault, BOTH)).toMatchObject({ verdict: 'survived', passed: 3, failed: [], seconds: 3 });
  expect(seenOf({ ...fault, lacks: 'the half' }, BOTH).verdict).toBe('partial');
});

test('a test that failed, that did not run, or that is in another file is no survival', () => {
  expect(seenOf(fault, [...BOTH, ended('and so is no other', false)])).toMatchObject({ verdict: 'FAILED' });
  expect(seenOf(fault, BOTH.slice(1))).toMatchObject({ verdict: 'NOT RUN', notRun: ['it is survived'] });
  const elsewhere = BOTH.map((one) => ({ ...one, file: 'b.test.ts' }));
  expect(seenOf(fault, elsewhere).verdict).toBe('NOT RUN');
  expect(seenOf({ ...fault, tests: [] }, BOTH).verdict).toBe('NOT RUN');
});

test('the line names what failed and what did not run', () => {
  const line = lineOf(seenOf(fault, [ended('it is survived', false)]));
  expect(line).toContain('FAILED:   it is survived');
  expect(line).toContain('NOT RUN:  and so is ');
});
