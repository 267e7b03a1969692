import stringWidth from 'string-width';
import { drawScreen, type Screen } from '../lib/screen.ts';
import type { Surroundings } from './program.ts';

const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';

/**
 * Lets work draw over the whole screen again and again, on the terminal's second screen. When the work ends, however it
 * ends, the first screen is there again as it was. A screen that is too high is cut, so its headline must come first.
 * After a change of the terminal's size the last screen is drawn anew.
 */
export async function withFullScreen<T>(
  { stdout, size, colours, onResize }: Surroundings,
  work: (draw: (screen: Screen) => void) => Promise<T>,
): Promise<T> {
  let shown: Screen | undefined;
  const draw = (screen: Screen) => {
    if (shown === undefined) stdout(ENTER);
    shown = screen;
    const { columns, rows } = size?.() ?? {};
    const lines = drawScreen(screen, { columns, colours }).split('\n');
    const cut = columns === undefined || rows === undefined ? lines : cutTo(lines, { columns, rows });
    stdout(`${HOME}${cut.map((line) => `${line}${REST_OF_LINE}`).join('\n')}${REST_OF_SCREEN}`);
  };
  const leave = () => {
    if (shown !== undefined) stdout(LEAVE);
    shown = undefined;
  };
  const unfollow = onResize?.(() => {
    if (shown !== undefined) draw(shown);
  });
  // An error that nobody catches ends the process without coming to `finally`.
  process.once('exit', leave);
  try {
    return await work(draw);
  } finally {
    process.removeListener('exit', leave);
    unfollow?.();
    leave();
  }
}

/** The first lines, as many as fit; a line that is wider than the terminal takes several rows of it. */
function cutTo(
  lines: readonly string[],
  { columns, rows }: { readonly columns: number; readonly rows: number },
): readonly string[] {
  const taken = lines.map((line) => Math.max(1, Math.ceil(stringWidth(line) / columns)));
  if (taken.reduce((sum, one) => sum + one, 0) <= rows) return lines;
  let left = rows - 1;
  const fits = taken.findIndex((one) => (left -= one) < 0);
  const more = `… ${String(lines.length - fits)} more lines: the window is too low`;
  return [...lines.slice(0, fits), more.slice(0, columns)];
}
