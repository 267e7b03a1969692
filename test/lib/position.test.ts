import { expect, test } from 'vitest';
import { comparePositions, formatPosition } from '../../lib/position.ts';

const [A, B] = ['0b6b6f2e-1d5c-4b7e-8a3f-9c2d4e6f8a10', '1b6b6f2e-1d5c-4b7e-8a3f-9c2d4e6f8a10'];
const at = (topicId: string, partition: number, offset: bigint) => ({ topicId, partition, offset });

test.each([
  [at(A, 0, 5n), at(A, 0, 5n), 'same'],
  [at(A, 0, 4n), at(A, 0, 5n), 'before'],
  [at(A, 0, 6n), at(A, 0, 5n), 'after'],
  [at(A, 0, 10n), at(A, 0, 9n), 'after'],
  [at(A, 0, 0n), at(A, 0, 0n), 'same'],
  // Beyond 2^53, where numbers would be the same.
  [at(A, 0, 9_007_199_254_740_993n), at(A, 0, 9_007_199_254_740_992n), 'after'],
  [at(A, 1, 5n), at(A, 0, 5n), 'incomparable'],
  [at(A, 1, 9n), at(A, 0, 5n), 'incomparable'],
  [at(B, 0, 5n), at(A, 0, 5n), 'incomparable'],
  [at(B, 0, 0n), at(A, 0, 9n), 'incomparable'],
] as const)('%o to %o: %s', (position, reference, expected) => {
  expect(comparePositions(position, reference)).toBe(expected);
});

test('a position is named as partition:offset', () => {
  expect(formatPosition(at(A, 3, 9_007_199_254_740_993n))).toBe('3:9007199254740993');
});
