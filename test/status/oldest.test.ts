import { describe, expect, test } from 'vitest';
import { oldestSeconds } from '../../operations/facts/oldest.ts';

const NOW = new Date('2026-11-28T03:00:00Z');

/** A topic whose records were written so many seconds ago, by partition; and how often it was asked. */
function topic(...partitions: readonly (readonly number[])[]) {
  const asked: number[] = [];
  const offsetsAt = (timestampMs: number) => {
    asked.push(timestampMs);
    const found = partitions.map((ages, partition) => {
      const first = ages.findIndex((age) => NOW.getTime() - age * 1000 >= timestampMs);
      return [partition, BigInt(first === -1 ? ages.length : first)] as const;
    });
    return Promise.resolve(new Map(found));
  };
  return { asked, offsetsAt };
}

const age = (partitions: readonly (readonly number[])[], next: readonly bigint[]) =>
  oldestSeconds(topic(...partitions).offsetsAt, new Map(next.map((offset, n) => [n, offset])), NOW);

describe('how long the oldest record has waited, of', () => {
  test.each([
    ['one that came this moment', 1, { ages: [[300, 0.2]], next: [1n] }],
    ['one of half a minute ago', 30, { ages: [[300, 30, 5]], next: [1n] }],
    ['the first of all', 300, { ages: [[300, 30, 5]], next: [0n] }],
    [
      'two partitions the one that waits longer',
      100,
      {
        ages: [
          [300, 30],
          [200, 100, 3],
        ],
        next: [1n, 1n],
      },
    ],
    [
      'two partitions of which one is at its end',
      30,
      {
        ages: [
          [300, 30],
          [200, 100],
        ],
        next: [1n, 2n],
      },
    ],
    ['a year ago', 31_536_000, { ages: [[31_536_000]], next: [0n] }],
  ] as const)('%s', async (_, seconds, { ages, next }) => {
    const found = await age(ages, next);
    expect(found).toBeGreaterThanOrEqual(seconds);
    expect(found).toBeLessThanOrEqual(Math.max(seconds + 1, seconds * 1.06));
  });

  test('a clock of Kafka that is ahead of ours', async () => {
    expect(await age([[300, -60]], [1n])).toBe(1);
  });
});

test('a topic of a year is asked some thirty times', async () => {
  const { asked, offsetsAt } = topic([31_536_000]);
  await oldestSeconds(offsetsAt, new Map([[0, 0n]]), NOW);
  expect(asked.length).toBeLessThan(33);
});

test('a partition that Kafka does not tell of holds nobody up', async () => {
  expect(await age([[30]], [0n, 0n])).toBeLessThanOrEqual(32);
});

test('where retention took what is to be projected, it is as old as time, and no time before that is asked for', async () => {
  const asked: number[] = [];
  const offsetsAt = (timestampMs: number) => {
    asked.push(timestampMs);
    if (asked.length > 100) throw new Error('it asks for ever');
    return Promise.resolve(new Map([[0, 5n]]));
  };
  const seconds = await oldestSeconds(offsetsAt, new Map([[0, 0n]]), NOW);
  expect(seconds).toBeGreaterThanOrEqual(NOW.getTime() / 1000);
  // A negative time has a meaning of its own for Kafka.
  expect(Math.min(...asked)).toBe(0);
});
