import { describe, expect, test } from 'vitest';
import { QuarantineBreaker, type Fate } from '../../consumers/agent-test-history/batch/quarantine-breaker.ts';

const TOPIC_ID = '0b6b6f2e-1d5c-4b7e-8a3f-9c2d4e6f8a10';

/** `.` takes effect, `x` is parked; a record's offset is its place in the text. */
function fatesOf(text: string): Fate[] {
  return Array.from(text, (character, index) =>
    character === '.'
      ? null
      : {
          position: { topicId: TOPIC_ID, partition: 3, offset: BigInt(index) },
          reason: 'unmappable',
          detail: 'scenario is not text',
        },
  );
}

/** The index of the transaction that is refused; undefined where all are admitted. */
function refused(breaker: QuarantineBreaker, transactions: readonly string[]): number | undefined {
  for (const [index, fates] of transactions.entries()) {
    try {
      breaker.admit(Symbol(index), fatesOf(fates));
    } catch (error) {
      expect(error).toMatchObject({ code: 'QUARANTINE_BREAKER' });
      return index;
    }
  }
  return undefined;
}

const good = (records: number) => '.'.repeat(records);
const bad = (records: number) => 'x'.repeat(records);

describe('a breaker, given', () => {
  const fifth = { maxShare: 0.2, window: 10 };
  const tenth = { maxShare: 0.1, window: 1000 };
  test.each([
    { what: 'two bad records at the very start', limits: fifth, transactions: ['xx'], index: undefined },
    { what: 'three bad records at the very start', limits: fifth, transactions: ['xxx'], index: 0 },
    { what: 'the third in a later transaction', limits: fifth, transactions: ['xx', '...', 'x'], index: 2 },
    {
      what: 'the third in a window of exactly ten',
      limits: fifth,
      transactions: [`xx${good(7)}`, 'x'],
      index: 1,
    },
    { what: 'the third just after', limits: fifth, transactions: [`xx${good(8)}`, 'x'], index: undefined },
    { what: 'one transaction each', limits: fifth, transactions: Array.from(`xx${good(7)}x`), index: 9 },
    {
      what: 'one transaction each, just after',
      limits: fifth,
      transactions: Array.from(`xx${good(8)}x`),
      index: undefined,
    },
    { what: 'the first ones long gone', limits: fifth, transactions: ['xx', good(9), 'x'], index: undefined },
    {
      what: 'a bad stretch in a large one',
      limits: fifth,
      transactions: [`${good(50)}xxx${good(50)}`],
      index: 0,
    },
    {
      what: 'as many, spread out',
      limits: fifth,
      transactions: [`x${good(4)}`.repeat(12)],
      index: undefined,
    },
    {
      what: 'a large one that the window reaches into',
      limits: fifth,
      transactions: [`${good(40)}xx`, 'x'],
      index: 1,
    },
    {
      what: 'small ones after one that is larger than the window',
      limits: fifth,
      transactions: [good(50), 'xx', 'x'],
      index: 2,
    },
    { what: 'transactions without news', limits: fifth, transactions: ['', 'xx', '', 'x'], index: 3 },
    {
      what: 'a share of half a record',
      limits: { maxShare: 0.25, window: 10 },
      transactions: ['xx', 'x'],
      index: 1,
    },
    {
      what: 'a share below one record',
      limits: { maxShare: 0.0009, window: 1000 },
      transactions: ['x'],
      index: 0,
    },
    {
      what: 'no share',
      limits: { maxShare: 0, window: 1000 },
      transactions: [good(5000), `${good(9)}x`],
      index: 1,
    },
    { what: 'a window of one', limits: { maxShare: 0, window: 1 }, transactions: ['.', 'x'], index: 1 },
    {
      what: 'binary fractions, at 29 %',
      limits: { maxShare: 0.29, window: 100 },
      transactions: [bad(29)],
      index: undefined,
    },
    {
      what: 'binary fractions, beyond',
      limits: { maxShare: 0.29, window: 100 },
      transactions: [bad(30)],
      index: 0,
    },
    { what: 'a tenth of 1000, at it', limits: tenth, transactions: [bad(100), good(3)], index: undefined },
    { what: 'a tenth of 1000, beyond it', limits: tenth, transactions: [bad(100), good(899), 'x'], index: 2 },
    {
      what: 'the share 1',
      limits: { maxShare: 1, window: 10 },
      transactions: [bad(1000), bad(9)],
      index: undefined,
    },
  ])('$what', ({ limits, transactions, index }) => {
    expect(refused(new QuarantineBreaker(limits), transactions)).toBe(index);
  });

  test('too much, names the cause, the newest record and the way out, and no value of a row', () => {
    const breaker = new QuarantineBreaker({ maxShare: 0.2, window: 10 });
    const admit = () => {
      breaker.admit(Symbol('one'), fatesOf('.x.xx.x'));
    };
    expect(admit).toThrow(
      expect.objectContaining({
        code: 'QUARANTINE_BREAKER',
        message: expect.stringMatching(/2 of 10 .*unmappable 3.* 3:4: /) as string,
        wayOut: expect.stringContaining('QUARANTINE_MAX_SHARE=1') as unknown,
        facts: { reason: 'unmappable', partition: 3, offset: '4' },
      }) as Error,
    );
  });
});

describe('a breaker that continues the window of an earlier process', () => {
  const earlier = (...recordsSince: readonly number[]) =>
    recordsSince.map((since) => ({
      parked: {
        position: { topicId: TOPIC_ID, partition: 1, offset: BigInt(100 - since) },
        reason: 'unmappable' as const,
        detail: 'scenario is not text',
      },
      recordsSince: since,
    }));
  test.each([
    { what: 'two parked just before', before: [1, 0], transactions: ['x'], index: 0 },
    { what: 'two parked at once, by two processes', before: [0, 0], transactions: ['x'], index: 0 },
    { what: 'both at the edge of the window', before: [8, 8], transactions: ['x'], index: 0 },
    { what: 'one of them just outside', before: [9, 8], transactions: ['x'], index: undefined },
    { what: 'the edge, met by a later record', before: [4, 4], transactions: [good(4), 'x'], index: 1 },
    { what: 'good records in between', before: [4, 4], transactions: [good(5), 'x'], index: undefined },
    {
      what: 'more than allowed, and nothing new',
      before: [2, 1, 0],
      transactions: ['', good(9)],
      index: undefined,
    },
    { what: 'more than allowed, and one more', before: [2, 1, 0], transactions: [good(2), 'x'], index: 1 },
    {
      what: 'a window of good records behind them',
      before: [1, 0],
      transactions: [...Array.from({ length: 30 }, () => '.'), 'xx', 'x'],
      index: 31,
    },
  ])('$what', ({ before, transactions, index }) => {
    const breaker = new QuarantineBreaker({ maxShare: 0.2, window: 10 }, earlier(...before));
    expect(refused(breaker, transactions)).toBe(index);
  });
});

describe('a transaction', () => {
  const limits = { maxShare: 0.2, window: 10 };

  test('that is admitted again counts once', () => {
    const breaker = new QuarantineBreaker(limits);
    const transaction = Symbol('one');
    for (let attempt = 0; attempt < 5; attempt++) breaker.admit(transaction, fatesOf('xx'));
    expect(() => {
      breaker.admit(Symbol('other'), fatesOf('x'));
    }).toThrow();
  });

  test('that is withdrawn counts no more', () => {
    const breaker = new QuarantineBreaker(limits);
    const transaction = Symbol('one');
    breaker.admit(transaction, fatesOf('xx'));
    breaker.withdraw(transaction);
    breaker.admit(Symbol('other'), fatesOf('xx'));
  });

  test('that is refused leaves the window as it was', () => {
    const breaker = new QuarantineBreaker(limits);
    breaker.admit(Symbol('one'), fatesOf('x'));
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(() => {
        breaker.admit(Symbol('refused'), fatesOf('xx'));
      }).toThrow();
    }
    breaker.admit(Symbol('other'), fatesOf('x'));
  });

  test('holds its place while others are under way: together they do not go over the share', () => {
    const breaker = new QuarantineBreaker(limits);
    breaker.admit(Symbol('one'), fatesOf('x'));
    breaker.admit(Symbol('two'), fatesOf('x'));
    expect(() => {
      breaker.admit(Symbol('three'), fatesOf('x'));
    }).toThrow();
  });
});
