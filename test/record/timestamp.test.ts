import { describe, expect, test } from 'vitest';
import { epochMicros, postgresTimestamp } from '../../consumers/agent-test-history/record/timestamp.ts';

// Debezium's text, seen in stack-facts.md and in the stack tests; Postgres's answer to it is in mapping.pg.test.ts.
describe('a timestamp', () => {
  test.each([
    ['2026-05-01T00:00:00.123456Z', '2026-05-01T00:00:00.123456Z'],
    ['2026-05-01T00:00:00Z', '2026-05-01T00:00:00Z'],
    ['2026-05-01T00:00:00.1Z', '2026-05-01T00:00:00.1Z'],
    ['2026-05-01T00:00:00.123456789Z', '2026-05-01T00:00:00.123456789Z'],
    ['2026-05-01T00:00:00+05:30', '2026-05-01T00:00:00+05:30'],
    ['2026-05-01T00:00:00-11:00', '2026-05-01T00:00:00-11:00'],
    ['infinity', 'infinity'],
    ['-infinity', '-infinity'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['0000-12-31T23:59:59Z', '0001-12-31T23:59:59Z BC'],
    ['-0001-01-01T00:00:00Z', '0002-01-01T00:00:00Z BC'],
    ['-0043-03-15T12:00:00.000000Z', '0044-03-15T12:00:00.000000Z BC'],
    ['-4712-01-01T00:00:00Z', '4713-01-01T00:00:00Z BC'],
    ['+10000-01-01T00:00:00Z', '10000-01-01T00:00:00Z'],
    ['+294276-12-31T23:59:59.999999Z', '294276-12-31T23:59:59.999999Z'],
  ])('%s is for Postgres %s', (text, expected) => {
    expect(postgresTimestamp(text)).toBe(expected);
  });

  test.each([
    [''],
    ['2026-05-01'],
    ['2026-05-01T00:00:00'],
    ['2026-05-01 00:00:00Z'],
    ['2026-5-1T00:00:00Z'],
    ['2026-05-01T00:00Z'],
    ['2026-05-01T00:00:00.Z'],
    ['2026-05-01T00:00:00.1234567890Z'],
    ['2026-05-01T00:00:00z'],
    ['26-05-01T00:00:00Z'],
    ['Infinity'],
    ['+infinity'],
    ['now'],
    ['epoch'],
    ['1771234567'],
    ['2026-05-01T00:00:00Z; DROP TABLE x'],
    [' 2026-05-01T00:00:00Z'],
    ['2026-05-01T00:00:00Z\n'],
    ['2026-13-01T00:00:00Z'],
    ['2026-05-45T00:00:00Z'],
    ['2026-05-01T25:00:00Z'],
  ])('"%s" is none', (text) => {
    expect(postgresTimestamp(text)).toBeUndefined();
  });
});

const MAY_FIRST_US = 1_777_593_600_000_000n;

describe('the microseconds of a timestamp', () => {
  test.each([
    ['2026-05-01T00:00:00Z', MAY_FIRST_US],
    ['2026-05-01T00:00:00.123456Z', MAY_FIRST_US + 123_456n],
    ['2026-05-01T00:00:00.123456789Z', MAY_FIRST_US + 123_456n],
    ['2026-05-01 00:00:00+00', MAY_FIRST_US],
    ['2026-05-01 00:00:00.5+00:00', MAY_FIRST_US + 500_000n],
    ['2026-05-01 05:30:00+05:30', MAY_FIRST_US],
    ['2026-04-30T20:00:00-04:00', MAY_FIRST_US],
    ['2026-04-30 19:03:58-04:56:02', MAY_FIRST_US],
    ['+2026-05-01T00:00:00Z', MAY_FIRST_US],
  ])('%s is %s', (text, expected) => {
    expect(epochMicros(text)).toBe(expected);
  });

  test.each([
    ['infinity'],
    ['-infinity'],
    ['0999-12-31 23:59:59+00'],
    ['0044-03-15 12:00:00+00 BC'],
    ['-0043-03-15T12:00:00Z'],
    ['10000-01-01 00:00:00+00'],
    ['+294276-12-31T23:59:59.999999Z'],
  ])('%s is legal, and no time of a live row', (text) => {
    expect(epochMicros(text)).toBeUndefined();
  });

  test.each([
    ['05/01/2026 00:00:00 UTC'],
    ['Fri May 01 00:00:00 2026 UTC'],
    ['01.05.2026 00:00:00 EDT'],
    ['2026-05-01 00:00:00'],
    ['2026-05-01 00:00:00 EDT'],
    ['2026-13-01 00:00:00+00'],
    [''],
  ])('%j is refused, without its digits', (text) => {
    const read = () => epochMicros(text);
    expect(read).toThrow(expect.objectContaining({ code: 'TIME_UNREADABLE' }));
    expect(read).not.toThrow(/[0-8]/);
  });
});
