import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  identityOf,
  isAlive,
  launchDetached,
  parseProcStat,
  parsePs,
  readRecord,
  signalProcess,
  type ProcessIdentity,
} from '../../stack/process.ts';
import { waitUntil } from '../../stack/wait.ts';
import { temporaryFolder } from '../support/folder.ts';

const withinMs = 60_000;

function startSleeper(): ProcessIdentity {
  const child = spawn('sleep', ['60']);
  onTestFinished(() => void child.kill('SIGKILL'));
  const identity = child.pid === undefined ? undefined : identityOf(child.pid);
  if (identity === undefined) throw new Error('sleep did not start');
  return identity;
}

test.each([
  [
    'a plain name',
    '42 (java) S 1 42 42 0 -1 1 0 0 0 0 1 2 0 0 20 0 9 0 777 1 2',
    { pid: 42, startedAt: '777' },
  ],
  [
    'a name with spaces and brackets',
    '7 (a (b) R) c) S 1 7 7 0 -1 1 0 0 0 0 1 2 0 0 20 0 9 0 5 1',
    { pid: 7, startedAt: '5' },
  ],
  ['a zombie', '42 (java) Z 1 42 42 0 -1 1 0 0 0 0 1 2 0 0 20 0 9 0 777 1 2', undefined],
  ['half a line', '42 (java) S 1 42', undefined],
  ['nothing', '', undefined],
])('reads /proc/PID/stat with %s', (_, stat, identity) => {
  expect(parseProcStat(stat)).toEqual(identity);
});

test.each([
  ['a process', ' 42 Ss   Tue Nov 24 10:15:00 2026\n', { pid: 42, startedAt: 'Tue Nov 24 10:15:00 2026' }],
  ['a zombie', ' 42 Z   Tue Nov 24 10:15:00 2026', undefined],
  ['nothing', '', undefined],
])('reads a line of ps with %s', (_, line, identity) => {
  expect(parsePs(line)).toEqual(identity);
});

test('a launched process is on record as itself, with its output in the log', async () => {
  const folder = temporaryFolder();
  const [pidFile, log] = [path.join(folder, 'pid'), path.join(folder, 'log')];
  const command = { file: 'sh', args: ['-c', 'echo "$GREETING"; exec sleep 60'], cwd: folder };
  launchDetached({ ...command, env: { PATH: process.env['PATH'] ?? '', GREETING: 'hello' } }, pidFile, log);
  await waitUntil(() => readRecord(pidFile) !== undefined, { withinMs });
  const recorded = readRecord(pidFile);
  if (recorded === undefined) throw new Error('nothing was recorded');

  await waitUntil(() => readFileSync(log, 'utf8') !== '', { withinMs });
  expect(readFileSync(log, 'utf8')).toBe('hello\n');
  expect(isAlive(recorded)).toBe(true);
  signalProcess(recorded, 'SIGKILL');
  expect(await waitUntil(() => !isAlive(recorded), { withinMs })).toBe(true);
});

test('a command that does not exist leaves its reason in the log and nobody alive', async () => {
  const folder = temporaryFolder();
  const [pidFile, log] = [path.join(folder, 'pid'), path.join(folder, 'log')];
  launchDetached({ file: '/no/such/program', args: [], cwd: folder, env: {} }, pidFile, log);
  await waitUntil(() => readFileSync(log, 'utf8') !== '', { withinMs });
  expect(readFileSync(log, 'utf8')).toContain('/no/such/program');
  const recorded = readRecord(pidFile);
  if (recorded === undefined) throw new Error('nothing was recorded');
  expect(await waitUntil(() => !isAlive(recorded), { withinMs })).toBe(true);
});

test('a process that took the number of a recorded one is not signalled', async () => {
  const stranger = startSleeper();
  const recorded = { pid: stranger.pid, startedAt: `${stranger.startedAt}1` };
  expect(isAlive(recorded)).toBe(false);
  signalProcess(recorded, 'SIGKILL');
  // A signal that was sent would have been delivered by the time a later one, to the real one, is.
  expect(isAlive(stranger)).toBe(true);
  signalProcess(stranger, 'SIGTERM');
  expect(await waitUntil(() => !isAlive(stranger), { withinMs })).toBe(true);
});
