import type { Message } from './records.ts';

/** A small random generator, so that a shuffle that found something can be run again. */
export function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Another order of the messages in which each key's own order is kept: all that Kafka promises. */
export function shuffleAcrossKeys(messages: readonly Message[], seed: number): Message[] {
  const random = mulberry32(seed);
  const queues = new Map<unknown, Message[]>();
  for (const message of messages) {
    // A record without a readable key has no order to keep.
    const key = message.id ?? message;
    queues.set(key, [...(queues.get(key) ?? []), message]);
  }
  const waiting = [...queues.values()];
  const shuffled: Message[] = [];
  while (waiting.length > 0) {
    const index = Math.floor(random() * waiting.length);
    const queue = waiting[index] ?? [];
    const next = queue.shift();
    if (next !== undefined) shuffled.push(next);
    if (queue.length === 0) waiting.splice(index, 1);
  }
  return shuffled;
}
