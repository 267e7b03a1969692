import { expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';

/** As an operator starts it, where no local stack is up. */
async function doctor(
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return await runInProcess(['doctor', ...args], settings);
}

const NOBODY = { DATABASE_URL: 'postgres://app:hunter2@127.0.0.1:1/app' };

test('--list names every check and needs no setting', async () => {
  const { code, stdout, stderr } = await doctor(['--list']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const named = stdout
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(' ')[0]);
  expect(named).toEqual(CHECKS.map(({ id }) => id));
});

test('every setting that the checks need and that is missing, at once: exit code 2', async () => {
  const { code, stdout, stderr } = await doctor([]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  for (const name of ['DATABASE_URL', 'CONNECTOR_DATABASE_URL', 'KAFKA_BROKERS', 'CONNECT_URL'])
    expect(stderr).toContain(`${name} is not set`);
});

test('a server that does not answer: exit code 1, the reason, the fix, and no password', async () => {
  const { code, stdout, stderr } = await doctor(['--only', 'wal-level,legacy-reachable'], NOBODY);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(stdout).toContain('FAILED   legacy-reachable');
  expect(stdout).toContain('LEGACY_DATABASE_URL: connect ECONNREFUSED 127.0.0.1:1');
  expect(stdout).toContain('cannot tell whether wal_level is logical');
  expect(stdout).toContain('1 failed, 1 unknown: ');
  expect(stdout).toMatch(/first \(legacy-reachable\): check LEGACY_DATABASE_URL/);
  expect(stdout).not.toContain('hunter2');
});

test('only what is asked for needs its settings', async () => {
  const { code, stdout } = await doctor(['--only', 'registry-pair', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    mayGoOn: true,
    checks: [{ id: 'registry-pair', verdict: 'ok' }],
  });
});
