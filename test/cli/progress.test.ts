import { expect, test, vi } from 'vitest';
import { createProgress } from '../../cli/progress.ts';

test('where nothing has moved yet, no time is promised', () => {
  vi.useFakeTimers();
  try {
    const lines: string[] = [];
    const stderr = (line: string) => void lines.push(line);
    const progress = createProgress('rows', { drawsBars: false, stderr });
    vi.advanceTimersByTime(6_000);
    progress.update(0, 10);
    vi.advanceTimersByTime(6_000);
    progress.update(6, 10);
    expect(lines).toHaveLength(2);
    expect(lines[0]).not.toMatch(/Infinity|NaN/);
    expect(lines[1]).toContain('8 s left');
  } finally {
    vi.useRealTimers();
  }
});
