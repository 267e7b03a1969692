import { describe, expect, test } from 'vitest';
import { known, type Answer } from '../../operations/facts/answer.ts';
import { NOTHING, PART_IDS, type Found, type PartId } from '../../operations/teardown/part.ts';
import { whyNot, type Looks } from '../../operations/teardown/teardown.ts';

const THERE: Answer<Found> = known({ things: ['it'] });
const GONE: Answer<Found> = known(NOTHING);
const UNSEEN: Answer<Found> = { known: false, why: 'no answer' };
const BLOCKED: Answer<Found> = known({ things: ['it'], obstacle: { why: 'no right' } });

/** Everything is there, but for what is told. */
const looks = (told: Partial<Record<PartId, Answer<Found>>>): Looks =>
  ({ ...Object.fromEntries(PART_IDS.map((id) => [id, THERE])), ...told }) as Looks;

describe('the connector and its offset go', () => {
  test.each(['connector', 'stored-offset'] as const)('%s: only if the slot can go right after it', (id) => {
    expect(whyNot(id, looks({}))).toBeUndefined();
    expect(whyNot(id, looks({ slot: GONE }))).toBeUndefined();
    expect(whyNot(id, looks({ slot: UNSEEN }))).toBeDefined();
    expect(whyNot(id, looks({ slot: BLOCKED }))).toBeDefined();
  });
});

test.each<[PartId, PartId]>([
  ['slot', 'connector'],
  ['publication', 'slot'],
  ['source-tables', 'publication'],
  ['role', 'source-tables'],
  ['topics', 'connector'],
  ['subjects', 'topics'],
  ['group', 'topics'],
  ['ledger', 'group'],
])('%s goes only after %s was seen to be gone', (id, other) => {
  const before = Object.fromEntries(PART_IDS.filter((part) => part !== id).map((part) => [part, GONE]));
  expect(whyNot(id, looks(before))).toBeUndefined();
  expect(whyNot(id, looks({ ...before, [other]: THERE }))).toBeDefined();
  expect(whyNot(id, looks({ ...before, [other]: UNSEEN }))).toBeDefined();
});

test('what is kept holds nothing up', () => {
  const before = Object.fromEntries(PART_IDS.map((part) => [part, GONE]));
  const kept = known({ things: ['role'], kept: 'not ours' });
  expect(whyNot('ledger', looks({ ...before, ledger: THERE, role: kept }))).toBeUndefined();
});
