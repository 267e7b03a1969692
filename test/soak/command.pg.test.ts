import { expect, test } from 'vitest';
import { createPool } from '../../lib/postgres.ts';
import { readRetirement } from '../../operations/facts/retirement.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { useSoaked } from './soaked.ts';

const soaked = useSoaked();
const run = (...args: string[]) => runInProcess(['soak', ...args, '--json'], { DATABASE_URL: soaked().url });
const BY = ['--by', 'Ada', '--note', 'x'];

test('without Kafka, what rests on the stream is not known, and the answer is no', async () => {
  const { code, stdout } = await run();
  const { allMet, conditions } = JSON.parse(stdout) as {
    allMet: boolean;
    conditions: { id: string; state: string }[];
  };
  expect({ code, allMet }).toEqual({ code: 1, allMet: false });
  expect(conditions.filter(({ state }) => state === 'unknown').map(({ id }) => id)).toEqual([
    'canonical-live',
    'no-owner-writes',
    'no-updates',
  ]);
  const [kept] = await soaked().rows<{ conditions: Record<string, string> }>(
    'SELECT conditions FROM history_cdc.soak_look',
  );
  expect(kept?.conditions['parity']).toBe('met');
});

test('a person attests with a name, and takes it back', async () => {
  const attest = ['attest', 'third-party-plan', '--since', '2026-01-01', ...BY];
  expect(await run(...attest)).toMatchObject({ code: 0 });
  expect(await soaked().condition('third-party-plan')).toMatchObject({
    state: 'attested',
    since: new Date('2026-01-01'),
  });
  expect(await run('revoke', 'third-party-plan', ...BY)).toMatchObject({ code: 0 });
  expect((await soaked().condition('third-party-plan')).state).toBe('not_met');
  expect(await run('revoke', 'third-party-plan', ...BY)).toMatchObject({ code: 2 });
});

test('nobody attests the future, or what a database knows, or without a name', async () => {
  expect(await run('attest', 'third-party-plan', '--since', '2999-01-01', ...BY)).toMatchObject({ code: 2 });
  expect(await run('attest', 'parity', '--since', '2026-01-01', ...BY)).toMatchObject({ code: 2 });
  expect(await run('attest', 'third-party-plan', '--since', '2026-01-01')).toMatchObject({ code: 2 });
  expect(await run('explain', '17', '--by', 'Ada', '--reason', 'x')).toMatchObject({ code: 2 });
});

test('status shows the stage, and how many conditions held when somebody looked', async () => {
  await run();
  await soaked().execute(`INSERT INTO history_cdc.stage (performed_by, stage) VALUES ('Ada', 'ready')`);
  const pool = createPool({ url: soaked().url, name: 'test', connections: 1 });
  try {
    expect(await readRetirement(pool)).toMatchObject({ stage: 'ready', held: 6, conditions: 9 });
    await soaked().execute('DELETE FROM history_cdc.soak_look');
    expect(await readRetirement(pool)).toEqual({
      stage: 'ready',
      lookedAt: null,
      held: null,
      conditions: null,
    });
  } finally {
    await pool.end();
  }
});
