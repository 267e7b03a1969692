import { describe, expect, test } from 'vitest';
import { StallWatch, type Movement } from '../../operations/watchdog/stall.ts';

const AFTER = 60_000;
/** Of a source whose heartbeat never came. */
const at = (next: bigint, end: bigint) => ({ next, end });
const STILL: Movement = {
  changes: '10',
  arrived: 100n,
  beating: false,
  partitions: new Map([[0, at(90n, 90n)]]),
};

function watch(...seen: readonly (readonly [atMs: number, change: Partial<Movement>])[]): string[][] {
  const stalls = new StallWatch(AFTER);
  return seen.map(([atMs, change]) =>
    stalls.observe(atMs, { ...STILL, ...change }).map(({ stage }) => stage),
  );
}

test('where nothing is written, nothing has to move', () => {
  expect(watch([0, {}], [AFTER, {}], [10 * AFTER, {}])).toEqual([[], [], []]);
});

const only = (next: bigint, end: bigint) => ({ partitions: new Map([[0, at(next, end)]]) });

describe('the projection', () => {
  test('stands still when the topic has records and the offset does not move for so long', () => {
    expect(watch([0, only(90n, 95n)], [AFTER - 1, only(90n, 97n)], [AFTER, only(90n, 99n)])).toEqual([
      [],
      [],
      ['projection'],
    ]);
  });

  test('does not, while the offset moves, however far it is behind', () => {
    const seen = [0n, 1n, 2n, 3n].map((n) => [Number(n) * AFTER, only(n, 1_000n)] as const);
    expect(watch(...seen).flat()).toEqual([]);
  });

  test('is well again as soon as it moves, or has nothing to do', () => {
    const stuck = only(90n, 95n);
    expect(watch([0, stuck], [AFTER, stuck], [AFTER + 1, only(91n, 95n)])).toEqual([[], ['projection'], []]);
    expect(watch([0, stuck], [AFTER, {}], [2 * AFTER, stuck])).toEqual([[], [], []]);
  });

  test('of one partition is seen among others that move, with where it stands and for how long', () => {
    const stalls = new StallWatch(AFTER);
    const seen = [0, 1, 2].map((n) =>
      stalls.observe(n * AFTER, {
        ...STILL,
        partitions: new Map([
          [0, at(BigInt(n) * 100n, 1_000n)],
          [1, at(7n, 9n)],
        ]),
      }),
    );
    const stall = { stage: 'projection', partition: 1, nextOffset: 7n, end: 9n };
    expect(seen).toEqual([[], [{ ...stall, forMs: AFTER }], [{ ...stall, forMs: 2 * AFTER }]]);
  });
});

describe('the stream', () => {
  test('stands still when the table is written to and nothing arrives for so long', () => {
    // The time before the first write is no standstill.
    expect(watch([0, {}], [5 * AFTER, { changes: '11' }], [6 * AFTER, { changes: '12' }])).toEqual([
      [],
      [],
      ['stream'],
    ]);
  });

  test('does not, while anything arrives: of a write that was rolled back nothing comes', () => {
    const beats = [0, 1, 2].map((n) => [n * AFTER, { changes: '11', arrived: 100n + BigInt(n) }] as const);
    expect(watch([0, {}], ...beats).flat()).toEqual([]);
  });

  test('is well again as soon as something arrives', () => {
    const seen = watch(
      [0, {}],
      [1, { changes: '11' }],
      [AFTER + 1, { changes: '11' }],
      [AFTER + 2, { changes: '11', arrived: 101n }],
    );
    expect(seen).toEqual([[], [], ['stream'], []]);
  });
});

describe('the stream whose heartbeat came', () => {
  const beating = { beating: true };

  test('stands still when it stops in the very look that saw the last rows written', () => {
    const lastLook = { ...beating, changes: '11', arrived: 101n };
    expect(watch([0, beating], [1, lastLook], [2, lastLook], [AFTER + 2, lastLook])).toEqual([
      ...[[], [], []],
      ['stream'],
    ]);
  });

  test('stands still when it had stopped before the first look, and nothing is written', () => {
    expect(watch([0, beating], [1, beating], [AFTER + 1, beating])).toEqual([[], [], ['stream']]);
  });

  test('is seen to stand still without a look at the legacy database', () => {
    const blind = { ...beating, changes: undefined };
    expect(watch([0, blind], [1, blind], [AFTER + 1, blind]).flat()).toEqual(['stream']);
  });

  test('does not between two heartbeats, however short the setting', () => {
    const stalls = new StallWatch(1_000);
    const at = (ms: number) => stalls.observe(ms, { ...STILL, beating: true }).map(({ stage }) => stage);
    expect([at(0), at(1), at(2_500), at(10_001)]).toEqual([[], [], [], ['stream']]);
  });

  test('does not while the heartbeat comes', () => {
    const beats = [0, 1, 2].map((n) => [n * AFTER, { ...beating, arrived: 100n + BigInt(n) }] as const);
    expect(watch(...beats).flat()).toEqual([]);
  });
});

test('what came, and is not written to any more, does not stand still', () => {
  const written = { changes: '11', arrived: 101n };
  expect(watch([0, {}], [1, written], [2, written], [2 * AFTER, written]).flat()).toEqual([]);
});

test('a service that is not seen hides no standstill, and makes none', () => {
  const unseen = { changes: '11', arrived: undefined, partitions: undefined };
  expect(watch([0, {}], [1, { changes: '11' }], [2, unseen], [AFTER + 1, { changes: '11' }])).toEqual([
    [],
    [],
    [],
    ['stream'],
  ]);
  expect(watch([0, {}], [1, { changes: undefined }], [2 * AFTER, { changes: undefined }]).flat()).toEqual([]);
});

test('what is not known neither stands still nor moves', () => {
  const blind = { changes: undefined, arrived: undefined, partitions: undefined };
  expect(watch([0, blind], [AFTER, blind]).flat()).toEqual([]);
  expect(watch([0, only(90n, 95n)], [AFTER, blind], [AFTER + 1, only(90n, 95n)])).toEqual([
    [],
    ['projection'],
    ['projection'],
  ]);
});
