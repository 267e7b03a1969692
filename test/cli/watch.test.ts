import { expect, test } from 'vitest';
import { createContext } from '../../cli/context.ts';
import type { Surroundings } from '../../cli/program.ts';
import { watch } from '../../cli/status-watch.ts';

const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?1049l';

/** Watches reports of this many lines, until `look` has given this many of them. */
async function watched(looks: number, changes: Partial<Surroundings>, onLook?: (nth: number) => void) {
  const written: string[] = [];
  const controller = new AbortController();
  const surroundings: Surroundings = {
    environment: {},
    stdout: (text) => written.push(text),
    stderr: () => undefined,
    redraws: true,
    drawsBars: false,
    stopSignal: () => controller.signal,
    ...changes,
  };
  let nth = 0;
  const screen = (report: number) => [
    'HEADLINE',
    ...Array.from({ length: 9 }, (_, at) => `${String(report)}.${String(at)}`),
  ];
  const context = createContext(surroundings);
  const last = await watch(
    context,
    () => {
      nth += 1;
      onLook?.(nth);
      if (nth <= looks) return Promise.resolve(nth);
      controller.abort();
      return new Promise<number>(() => undefined);
    },
    {
      everyMs: 1,
      answer: (report) => {
        context.show(screen(report));
      },
      screen,
    },
  );
  return { last, written };
}

test('without a terminal nothing is cleared, and each report is printed', async () => {
  const { written } = await watched(2, { redraws: false });
  expect(written.filter((text) => text.startsWith('HEADLINE'))).toHaveLength(2);
  expect(written.join('')).not.toContain('\u001b');
});

test('on a terminal the screen is cut to its height, and the headline stays', async () => {
  const { written } = await watched(1, { size: () => ({ columns: 40, rows: 5 }) });
  const [enter, frame = ''] = written;
  expect(enter).toBe(ENTER);
  const lines = frame.split('\n');
  expect(lines).toHaveLength(5);
  expect(lines[0]).toBe('\u001b[HHEADLINE\u001b[K');
  expect(lines[4]).toMatch(/^… 6 more lines/);
});

test('at the end the terminal is as it was, with the last report', async () => {
  const { last, written } = await watched(3, { size: () => ({ columns: 40, rows: 50 }) });
  expect(last).toBe(3);
  expect(written.filter((text) => text === ENTER)).toHaveLength(1);
  const [leave, report] = written.slice(-2);
  expect(leave).toBe(LEAVE);
  expect(report).toContain('HEADLINE\n3.0\n');
});

test('an error leaves the terminal as it was, too', async () => {
  const written: string[] = [];
  const stdout = (text: string) => void written.push(text);
  await expect(
    watched(3, { stdout }, (nth) => {
      if (nth === 2) throw new Error('the look failed');
    }),
  ).rejects.toThrow('the look failed');
  expect(written.at(-1)).toBe(LEAVE);
});

test('a resize draws the last report again, in the new size', async () => {
  let [rows, resized]: [number, () => void] = [50, () => undefined];
  let unfollowed = false;
  const { written } = await watched(
    1,
    {
      size: () => ({ columns: 40, rows }),
      onResize: (listener) => {
        resized = listener;
        return () => {
          unfollowed = true;
        };
      },
    },
    (nth) => {
      if (nth !== 2) return;
      rows = 3;
      resized();
    },
  );
  const frames = written.filter((text) => text.startsWith('\u001b[HHEADLINE'));
  expect(frames.map((frame) => frame.split('\n').length)).toEqual([10, 3]);
  expect(unfollowed).toBe(true);
});

test('a line that the terminal breaks counts as several', async () => {
  const { written } = await watched(1, { size: () => ({ columns: 4, rows: 4 }) });
  // The headline takes two rows of four columns, and one row says that there is more.
  expect(written[1]?.split('\n')).toHaveLength(3);
});
