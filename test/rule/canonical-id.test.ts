import { expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';

// Computed elsewhere (Python's uuid5), and written down: if one of these ever changes, every replay writes every run
// a second time.
test.each([
  ['00000000-0000-4000-8000-000000000001', '9a7407fd-ab58-5b66-9148-4c1d9f6cf32d'],
  ['c1d9a1f0-7a52-4c6e-9d5e-0f3b2a190807', '2023235c-6826-56c1-94e5-b804377a34d9'],
])('the canonical id of legacy row %s never changes', (legacyId, expected) => {
  expect(canonicalRunId(legacyId)).toBe(expected);
});
