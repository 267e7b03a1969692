import { describe, expect, test } from 'vitest';
import { postgresTimestamp } from '../../consumers/agent-test-history/timestamp.ts';

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
  ])('"%s" is none', (text) => {
    expect(postgresTimestamp(text)).toBeUndefined();
  });
});
