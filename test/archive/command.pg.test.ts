import { expect, test } from 'vitest';
import { runInProcess } from '../support/run-in-process.ts';
import { hardRows, useArchiveWorld } from './archived.ts';

const world = useArchiveWorld();

test('archive export, verify and list as commands: exit codes and answers', async () => {
  const rows = await hardRows(world().canonical);
  const settings = { DATABASE_URL: world().database.url, ARCHIVE_TARGET: world().folder };
  const run = async (...args: string[]) => {
    const { code, stdout } = await runInProcess(['archive', ...args, '--json'], settings);
    return { code, answer: (stdout === '' ? {} : JSON.parse(stdout)) as Record<string, unknown> };
  };
  expect((await run('verify')).code).toBe(2);
  const exported = await run('export');
  expect(exported).toMatchObject({ code: 0, answer: { isNew: true, rows, objects: 10 } });
  expect(await run('verify')).toMatchObject({ code: 0, answer: { verdict: 'verified', same: rows } });
  await world().canonical.query(
    "UPDATE public.agent_test_history SET brief = 'x' WHERE started_at = 'infinity'",
  );
  expect(await run('verify')).toMatchObject({ code: 1, answer: { verdict: 'differs' } });
  expect(await run('list')).toMatchObject({
    code: 0,
    answer: { archives: [{ id: exported.answer['id'], state: 'differs', rows }], unreferenced: [] },
  });
  for (const args of [['export'], ['verify'], ['list']])
    expect((await runInProcess(['archive', ...args], settings)).stdout).not.toBe('');
  const { code, stderr } = await runInProcess(['archive', 'export'], {
    ...settings,
    ARCHIVE_TARGET: 'http://x/y',
  });
  expect([code, stderr.includes('CONFIG_INVALID')]).toEqual([2, true]);
});
