import path from 'node:path';
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeProcess } from '../../stack/process.ts';
import { instanceOf, logFile, newState, pidFile, writeState, type StackState } from '../../stack/state.ts';
import { temporaryFolder } from '../support/folder.ts';
import { runInProcess } from '../support/run-in-process.ts';

const ports = { postgres: 20_001, kafka: 20_002 } as StackState['ports'];

/** A stack whose Postgres is, as far as the records say, this process. */
function stackNamed(name: string) {
  const environment = { HISTORY_CDC_STATE_DIR: temporaryFolder() };
  const instance = instanceOf(environment, name);
  const state = newState({ name, components: ['postgres'], ports, unsafeFast: false, owner: undefined });
  writeState(instance, state);
  mkdirSync(path.join(instance.folder, 'run'));
  writeFileSync(pidFile(instance, 'postgres'), describeProcess(process.pid) ?? '');
  return { environment, instance, state };
}

test('a command that finds no settings names the stacks that are up', async () => {
  const { environment } = stackNamed('second');
  const { code, stderr } = await runInProcess(['status', '--json'], environment);
  expect(code).toBe(2);
  const { code: error, wayOut } = JSON.parse(stderr) as { code: string; wayOut: string };
  expect(error).toBe('CONFIG_INVALID');
  expect(wayOut).toContain('export HISTORY_CDC_STACK=second');
});

test('`stack env` prints lines for a shell, and `stack list` no secret', async () => {
  const { environment, state } = stackNamed('second');
  const env = await runInProcess(['stack', 'env', '--name', 'second'], environment);
  expect(env).toMatchObject({ code: 0, stderr: '' });
  expect(env.stdout.split('\n')).toContain(
    `export DATABASE_URL='postgresql://app:${state.passwords.app}@127.0.0.1:20001/app'`,
  );
  expect(env.stdout.split('\n')).toContain("export HISTORY_CDC_STACK='second'");
  const list = await runInProcess(['stack', 'list', '--json'], environment);
  expect(JSON.parse(list.stdout)).toMatchObject({ stacks: [{ name: 'second', running: ['postgres'] }] });
  expect(list.stdout).not.toContain(state.passwords.app);
});

test('`stack logs` prints the last lines, and control characters as escapes', async () => {
  const { environment, instance } = stackNamed('second');
  mkdirSync(path.join(instance.folder, 'logs'));
  writeFileSync(logFile(instance, 'postgres'), 'first\nsecond\n\u001b[2Jthird\n');
  const { code, stdout } = await runInProcess(
    ['stack', 'logs', 'postgres', '--name', 'second', '--lines', '2'],
    environment,
  );
  expect(code).toBe(0);
  expect(stdout.split('\n').slice(1, 3)).toEqual(['second', String.raw`\u001b[2Jthird`]);
});

test.each([['env'], ['psql'], ['logs']])(
  '`stack %s` of a stack that there is not is an error',
  async (use) => {
    const { environment } = stackNamed('second');
    const { code, stderr } = await runInProcess(['stack', use, '--name', 'third'], environment);
    expect(code).toBe(2);
    expect(stderr).toContain('second');
  },
);
