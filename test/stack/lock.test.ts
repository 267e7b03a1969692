import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { withLock } from '../../stack/lock.ts';
import { identityOf } from '../../stack/process.ts';
import { temporaryFolder } from '../support/folder.ts';

function lockIn(folder: string, withinMs = 60_000) {
  const said: string[] = [];
  const file = path.join(folder, 'lock');
  return { said, file, purpose: 'work', withinMs, onProgress: (line: string) => void said.push(line) };
}

test('work under one lock never overlaps, and the lock goes with it', async () => {
  const lock = lockIn(temporaryFolder());
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise(setImmediate);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 10 }, () => withLock(lock, work)));
  expect(most).toBe(1);
  expect(existsSync(lock.file)).toBe(false);
});

test('the lock of a process that is gone counts for nothing', async () => {
  const lock = lockIn(temporaryFolder());
  writeFileSync(lock.file, JSON.stringify({ pid: process.pid, startedAt: 'another time' }));
  expect(await withLock(lock, () => Promise.resolve('done'))).toBe('done');
  expect(lock.said).toEqual([]);
});

test('a lock that stays held ends in an error that names its holder', async () => {
  const lock = lockIn(temporaryFolder(), 50);
  writeFileSync(lock.file, JSON.stringify(identityOf(process.pid)));
  await expect(withLock(lock, () => Promise.resolve())).rejects.toMatchObject({
    code: 'STACK_BUSY',
    message: expect.stringContaining(String(process.pid)) as string,
  });
  expect(lock.said).toEqual(['waiting for another work to finish']);
  expect(existsSync(lock.file)).toBe(true);
});

test('the lock is given back when the work fails', async () => {
  const lock = lockIn(temporaryFolder());
  await expect(withLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(existsSync(lock.file)).toBe(false);
});
