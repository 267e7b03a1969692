import { describe, expect, test } from 'vitest';
import { assertInRange } from '../../consumers/agent-test-history/stream/topic-faults.ts';

const read = (nextOffset: bigint) => ({ topic: 'aao.public.agent_test_history', partition: 2, nextOffset });

describe('the next offset to read', () => {
  test.each([
    [0n, { low: 0n, high: 0n }, 'an empty partition'],
    [0n, { low: 0n, high: 9n }, 'the beginning'],
    [5n, { low: 0n, high: 9n }, 'the middle'],
    [9n, { low: 0n, high: 9n }, 'the end: the next record gets it'],
    [5n, { low: 5n, high: 9n }, 'the first that is left'],
    [9n, { low: 9n, high: 9n }, 'the end of a partition of which nothing is left'],
  ])('%s of %o is fine: %s', (nextOffset, watermarks) => {
    expect(() => {
      assertInRange(read(nextOffset), watermarks);
    }).not.toThrow();
  });

  test.each([
    [4n, { low: 5n, high: 9n }, 'OFFSET_OUT_OF_RANGE', 'records were deleted before they were read'],
    [10n, { low: 0n, high: 9n }, 'OFFSET_OUT_OF_RANGE', 'the database is ahead of the topic'],
    [1n, { low: 0n, high: 0n }, 'OFFSET_OUT_OF_RANGE', 'the database is ahead of an empty topic'],
    [0n, { low: 1n, high: 9n }, 'TOPIC_TRUNCATED', 'the beginning is gone before anything was read'],
    [0n, { low: 9n, high: 9n }, 'TOPIC_TRUNCATED', 'everything is gone before anything was read'],
  ])('%s of %o stops the projector with %s: %s', (...[nextOffset, watermarks, code]) => {
    let thrown: unknown;
    try {
      assertInRange(read(nextOffset), watermarks);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      code,
      facts: { topic: 'aao.public.agent_test_history', partition: 2, nextOffset: String(nextOffset) },
      message: expect.stringContaining(
        `the topic holds offsets ${String(watermarks.low)} to ${String(watermarks.high)}`,
      ) as unknown,
      wayOut: expect.stringContaining('--accept-new-topic') as unknown,
    });
  });
});
