import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** What is read of a log at most: the last lines of a log of any size must not fill the memory. */
const MOST_BYTES = 4 * 1024 * 1024;

/** The last lines of a file, at most `count` of them. A file that is not there has none. */
export function tailOf(file: string, count: number): string[] {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    const length = Math.min(size, MOST_BYTES);
    const bytes = Buffer.alloc(length);
    const read = readSync(descriptor, bytes, 0, length, size - length);
    const lines = bytes.subarray(0, read).toString('utf8').split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop();
    // The first line is part of a longer one where the beginning was left out.
    if (length < size) lines.shift();
    return lines.slice(-count);
  } finally {
    closeSync(descriptor);
  }
}
