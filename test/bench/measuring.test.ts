import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseBusy, parsePeakMiB, parseTimes } from '../../bench/processes.ts';
import { percentile, spreadOf } from '../../bench/statistics.ts';
import { Timeline } from '../../bench/timeline.ts';

describe('what /proc tells', () => {
  test('times of a process, whatever its name is', () => {
    const stat = '42 (a) b (c) S 1 42 42 0 -1 4194560 100 200 0 0 150 50 30 20 20 0 1 0 900 1000 10';
    expect(parseTimes(stat)).toEqual({ own: 2, endedChildren: 0.5 });
  });

  test('busy time: all but idle and waiting for disks', () => {
    expect(parseBusy('cpu  100 10 50 9999 8888 1 4 35 70 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n')).toBe(2);
  });

  test.skipIf(process.platform !== 'linux')('memory of a real process', () => {
    const peak = parsePeakMiB(readFileSync('/proc/self/status', 'utf8'));
    expect(peak).toBeGreaterThan(10);
    expect(parsePeakMiB('Name:\tkthread\n')).toBe(0);
  });
});

describe('a timeline', () => {
  const timeline = new Timeline([
    { atMs: 3_000, rows: 300 },
    { atMs: 1_000, rows: 100 },
    { atMs: 2_000, rows: 100 },
  ]);

  test('counts from its first commit on', () => {
    expect(timeline.rows).toBe(500);
    expect(timeline.rowsPerSecond).toBe(200);
  });

  test('knows when a number of rows was reached, and how many were there', () => {
    expect(timeline.reached(150)).toBe(2_000);
    expect(timeline.rowsAt(2_500)).toBe(200);
  });

  test('of nothing is refused', () => {
    expect(() => new Timeline([])).toThrow('nothing was committed');
  });
});

test('percentiles lie between the numbers', () => {
  expect(percentile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(percentile([1, 2, 3], 1)).toBe(3);
  expect(spreadOf([5, 1, 9])).toEqual({ median: 5, min: 1, max: 9 });
  expect(() => percentile([], 0.5)).toThrow('nothing');
});
