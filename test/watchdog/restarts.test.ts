import { expect, test } from 'vitest';
import { HOUR_MS, judgeRestart } from '../../operations/watchdog/restarts.ts';

const BOUNDS = { cap: 5, pauseMs: 15_000 };
const NOW = 1_000 * HOUR_MS;
const ago = (...seconds: number[]) => seconds.map((second) => NOW - second * 1000);

test('the first time at once, then with pauses that double', () => {
  expect(judgeRestart([], NOW, BOUNDS)).toBe('now');
  expect(judgeRestart(ago(14), NOW, BOUNDS)).toBe('wait');
  expect(judgeRestart(ago(15), NOW, BOUNDS)).toBe('now');
  expect(judgeRestart(ago(29, 44), NOW, BOUNDS)).toBe('wait');
  expect(judgeRestart(ago(44, 30), NOW, BOUNDS)).toBe('now');
  expect(judgeRestart(ago(119, 200, 300, 400), NOW, BOUNDS)).toBe('wait');
  expect(judgeRestart(ago(120, 200, 300, 400), NOW, BOUNDS)).toBe('now');
});

test('no more than so many an hour, however long ago the last one was', () => {
  expect(judgeRestart(ago(900, 1000, 1100, 1200, 1300), NOW, BOUNDS)).toBe('used_up');
  expect(judgeRestart(ago(900, 1000, 1100, 1200, 3600), NOW, BOUNDS)).toBe('now');
  expect(judgeRestart([], NOW, { ...BOUNDS, cap: 0 })).toBe('used_up');
});
