import { describe, expect, test } from 'vitest';
import { ChunkQueue, type QueuedEvent } from '../../consumers/agent-test-history/stream/chunk-queue.ts';
import type { SourceEvent } from '../../consumers/agent-test-history/record/event.ts';

const at = (offset: number) => ({ topicId: 'topic', partition: 0, offset: BigInt(offset) });
const event = (offset: number, bytes = 1, kind: 'tombstone' | 'truncate' = 'tombstone') => ({
  event: { kind, position: at(offset) } satisfies SourceEvent,
  bytes,
  to: BigInt(offset + 1),
  batch: null,
});
const events = (count: number, bytes = 1) =>
  Array.from({ length: count }, (_, offset) => event(offset, bytes));
const offsets = (chunk: QueuedEvent[]) => chunk.map(({ to }) => Number(to) - 1);

/** True when the promise has not settled by the time that everything else that can run has run. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  void promise.finally(() => (pending = false));
  await new Promise((resolve) => setImmediate(resolve));
  return pending;
}

describe('a chunk', () => {
  test('holds no more rows than allowed, in their order', () => {
    const queue = new ChunkQueue({ rows: 3, bytes: 1_000 });
    queue.push(events(7));
    expect(offsets(queue.take())).toEqual([0, 1, 2]);
    expect(offsets(queue.take())).toEqual([3, 4, 5]);
    expect(offsets(queue.take())).toEqual([6]);
  });

  test('holds no more bytes than allowed', () => {
    const queue = new ChunkQueue({ rows: 100, bytes: 10 });
    queue.push([event(0, 4), event(1, 6), event(2, 5), event(3, 6), event(4, 1)]);
    expect(offsets(queue.take())).toEqual([0, 1]);
    expect(offsets(queue.take())).toEqual([2]);
    expect(offsets(queue.take())).toEqual([3, 4]);
  });

  test('holds one event at least, however large it is', () => {
    const queue = new ChunkQueue({ rows: 100, bytes: 10 });
    queue.push([event(0, 4_000), event(1, 4_000)]);
    expect(offsets(queue.take())).toEqual([0]);
    expect(offsets(queue.take())).toEqual([1]);
  });

  test('of a truncate holds nothing else: what stands before it is committed first', () => {
    const queue = new ChunkQueue({ rows: 100, bytes: 1_000 });
    queue.push([
      event(0),
      event(1),
      event(2, 1, 'truncate'),
      event(3),
      event(4, 1, 'truncate'),
      event(5, 1, 'truncate'),
    ]);
    const chunks = [];
    for (let taken = 0; taken < 5; taken++) chunks.push(offsets(queue.take()));
    expect(chunks).toEqual([[0, 1], [2], [3], [4], [5]]);
  });

  test('holds what came in several pushes', () => {
    const queue = new ChunkQueue({ rows: 3, bytes: 1_000 });
    queue.push([event(0), event(1)]);
    queue.push([event(2), event(3)]);
    expect(offsets(queue.take())).toEqual([0, 1, 2]);
  });

  test('is waited for until there is one', async () => {
    const queue = new ChunkQueue({ rows: 3, bytes: 1_000 });
    const filled = queue.filled();
    expect(await isPending(filled)).toBe(true);
    queue.push([]);
    expect(await isPending(filled)).toBe(true);
    queue.push([event(7)]);
    expect(await filled).toBe(true);
    expect(offsets(queue.take())).toEqual([7]);
  });
});

describe('a queue', () => {
  test.each([
    ['rows', { rows: 2, bytes: 1_000 }],
    ['bytes', { rows: 100, bytes: 2 }],
  ])('has no room while as many %s as a chunk may hold wait in it', async (_, bounds) => {
    const queue = new ChunkQueue(bounds);
    expect(queue.hasRoom).toBe(true);
    queue.push([event(0)]);
    expect(queue.hasRoom).toBe(true);
    queue.push([event(1)]);
    expect(queue.hasRoom).toBe(false);
    const room = queue.room(60_000);
    expect(await isPending(room)).toBe(true);
    queue.take();
    await room;
    expect(queue.hasRoom).toBe(true);
  });

  test('that stays full lets go of who waits for room when the time is over', async () => {
    const queue = new ChunkQueue({ rows: 1, bytes: 1 });
    queue.push([event(0)]);
    await queue.room(1);
    expect(queue.hasRoom).toBe(false);
  });

  test('that is closed gives nothing, takes nothing, and holds nobody up', async () => {
    const queue = new ChunkQueue({ rows: 1, bytes: 1 });
    queue.push(events(5));
    const room = queue.room(60_000);
    queue.close();
    await room;
    expect(queue.hasRoom).toBe(true);
    expect(queue.take()).toEqual([]);
    queue.push(events(1));
    expect(queue.take()).toEqual([]);
    expect(await queue.filled()).toBe(false);
  });

  test('that is closed while it is waited for holds nobody up', async () => {
    const queue = new ChunkQueue({ rows: 1, bytes: 1 });
    const filled = queue.filled();
    queue.close();
    expect(await filled).toBe(false);
  });

  test('takes as many events at once as the largest fetch may bring', () => {
    const queue = new ChunkQueue({ rows: 20_000, bytes: 268_435_456 });
    queue.push(events(400_000));
    expect(queue.take()).toHaveLength(20_000);
  });
});
