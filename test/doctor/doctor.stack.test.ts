import { afterAll, describe, expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import type { DoctorReport } from '../../operations/doctor/doctor.ts';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import { createPool } from '../../lib/postgres.ts';
import { SECRET, useDeployment } from '../connectors/deployment.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { freezeServer } from '../support/servers.ts';
import { until } from '../support/until.ts';

/*
 * `doctor` as a command, from before the first step of a deployment on, against the real servers. One story, in its order;
 * real.stack.test.ts breaks what each check looks at.
 */
const the = useDeployment(3);
let unfreeze: () => void = () => undefined;
afterAll(() => {
  unfreeze();
});

/** What the command prints, as an operator starts it, and whether it ended with 1. */
async function doctor(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string; no: boolean }> {
  const { code, stdout } = await runInProcess(['doctor', ...args], {
    ...the().settings,
    // Sessions of other tests are none of this one's business, and an ordinary role may not see them.
    LEGACY_DATABASE_URL: the().database.superuserUrl,
    ...more,
  });
  expect(stdout).not.toContain(SECRET);
  expect(code).toBeLessThan(2);
  return { stdout, no: code === 1 };
}

async function report(only: readonly string[] = [], more: Readonly<Record<string, string>> = {}) {
  const args = only.length === 0 ? ['--json'] : ['--json', '--only', only.join(',')];
  return JSON.parse((await doctor(args, more)).stdout) as DoctorReport;
}

test('before anything is deployed: nothing is wrong, and the first step is named', async () => {
  const { stdout, no } = await doctor([]);
  expect(stdout).toContain('nothing is in the way: you may go on');
  expect(stdout).toMatch(/first \(publication\): history-cdc connector sql/);
  expect(stdout).not.toContain('FAILED');
  expect(no).toBe(false);
});

describe('deployed', () => {
  test('every check is well, but that nobody projects yet', async () => {
    expect((await the().connector(['sql', '--run'])).code).toBe(0);
    const pool = createPool({ url: the().database.url, name: 'test', connections: 1 });
    await migrate(pool, undefined);
    await pool.end();
    expect((await the().connector(['apply'])).code).toBe(0);
    await until('Connect has stored an offset', async () => {
      const { offsets } = await the().connect<{ offsets: unknown[] }>('GET', '/offsets');
      return offsets.length > 0;
    });
    const found = await report();
    const others = found.checks.filter(({ verdict }) => verdict !== 'ok');
    expect(others.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      ...['topic-identity not_yet', 'offsets-in-range not_yet', 'projector-excess warning'],
      ...['projector-runs not_yet', 'projector-moves not_yet', 'lag-late not_yet'],
      'deciding-settings not_yet',
    ]);
    expect(found).toMatchObject({ deployed: true, mayGoOn: true, first: { fix: 'history-cdc project' } });
    expect(found.checks).toHaveLength(CHECKS.length);
  });

  test('a Connect that is silent fails its own checks, in good time, and the rest is told all the same', async () => {
    unfreeze = await freezeServer('connect');
    const began = Date.now();
    const red = await report(['wal-level', 'kafka-reachable', 'connect-reachable', 'connect-version']);
    unfreeze();
    expect(Date.now() - began).toBeLessThan(60_000);
    expect(red.checks.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      'wal-level ok',
      'kafka-reachable ok',
      'connect-reachable failed',
      'connect-version unknown',
    ]);
  });
});
