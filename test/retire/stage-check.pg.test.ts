import { expect, test } from 'vitest';
import { FENCE_SQL } from '../../operations/fence/script.ts';
import { fence } from '../../operations/retire/fence.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { useRetiredTable } from './retired.ts';

const table = useRetiredTable();

/** What the check of `doctor` comes to, and the exit code with which the command ends. */
async function judged(): Promise<{ verdict: unknown; code: number }> {
  const args = ['doctor', '--only', 'retirement-stage', '--json'];
  const { code, stdout } = await runInProcess(args, { DATABASE_URL: table().open.database.url });
  const { checks } = JSON.parse(stdout) as { checks: { verdict: string }[] };
  return { verdict: checks[0]?.verdict, code };
}

const OK = { verdict: 'ok', code: 0 };
const FAILED = { verdict: 'failed', code: 1 };

test('a stage that contradicts the fence around the table fails, each contradiction', async () => {
  await table().fill();
  expect(await judged()).toEqual(OK);
  // `retire fence` was killed after it had built the fence.
  await table().pool.query(FENCE_SQL);
  expect(await judged()).toEqual(FAILED);
  await fence(table().context());
  expect(await judged()).toEqual(OK);
  await table().pool.query('ALTER TABLE public.agent_test_history DISABLE TRIGGER history_cdc_fence');
  expect(await judged()).toEqual(FAILED);
  await table().pool.query('ALTER TABLE public.agent_test_history ENABLE ALWAYS TRIGGER history_cdc_fence');
  expect(await judged()).toEqual(OK);
  await table().superuser.query('DROP SCHEMA history_cdc_fence CASCADE');
  expect(await judged()).toEqual(FAILED);
});

test('a table that is not there is not judged, and a legacy database that gives no answer is no good stage', async () => {
  await table().pool.query('ALTER TABLE public.agent_test_history RENAME TO moved');
  expect((await judged()).verdict).toBe('unknown');
  const args = ['doctor', '--only', 'retirement-stage', '--json'];
  const { code, stdout } = await runInProcess(args, {
    DATABASE_URL: table().open.database.url,
    LEGACY_DATABASE_URL: 'postgres://app@127.0.0.1:1/app',
  });
  expect(code).toBe(1);
  expect(stdout).toContain('"unknown"');
});
