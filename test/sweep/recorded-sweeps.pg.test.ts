import { expect, test } from 'vitest';
import { readLastSweeps, onRecord } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { aRow, inserted } from '../support/records.ts';
import { useProjectorRole } from '../support/projector-role.ts';
import { asRecords, runRecords, TOPIC_ID } from '../support/run-records.ts';
import { sweepContext, swept } from '../support/swept.ts';
import { Tables } from '../support/tables.ts';

/* All of it with the rights that `migrate --grant-to` gives a projector, and no other. */
const the = useProjectorRole();

const warnings: unknown[] = [];
const logger = {
  warn: (...said: unknown[]) => {
    warnings.push(said);
  },
};

const sweeps = (by: 'project' | 'sweep') =>
  onRecord({ canonical: the().projector, by, logger }, () => swept(the().projector));

/** What the projector's role may not do for as long as `work` runs. */
async function without<T>(right: string, work: () => Promise<T>): Promise<T> {
  const { superuser, projector } = the();
  const { rows } = await projector.query<{ role: string }>('SELECT current_user AS role');
  const role = rows[0]?.role ?? '';
  await superuser.query(`REVOKE ${right} FROM ${role}`);
  try {
    return await work();
  } finally {
    await superuser.query(`GRANT ${right} TO ${role}`);
  }
}

test('a sweep that was done leaves what it did, and nothing of a row', async () => {
  expect(await readLastSweeps(the().projector)).toEqual({ done: null, failed: null });
  const tables = new Tables(the().open.pool);
  const owner = await tables.owner();
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
  await registerTopic(the().projector, { topicId: TOPIC_ID, name: 'topic', partitions: 1 }, false);
  const { claim } = await takeOver(the().projector, { topicId: TOPIC_ID, partition: 0, offset: 0n }, 'test');
  await runRecords({
    context: sweepContext(the().projector),
    mode: { kind: 'commit', claim },
    rows: 1,
    records: asRecords([inserted(row)], 0n),
  });
  await tables.live({ agent_url: owner.url });
  await sweeps('project');
  const { done, failed } = await readLastSweeps(the().projector);
  expect(failed).toBeNull();
  expect(done).toEqual({
    ...{
      by: 'project',
      absorbed: 1,
      relinked: 0,
      lateOwners: 0,
      settled: 1,
      blocked: 0,
      lateOwnersReported: 0,
    },
    beganAt: expect.any(Date) as Date,
    endedAt: expect.any(Date) as Date,
    seconds: expect.any(Number) as number,
    secondsAgo: expect.any(Number) as number,
  });
  expect(done?.seconds).toBeGreaterThan(0);
  expect((done?.endedAt.getTime() ?? 0) - (done?.beganAt.getTime() ?? 0)).toBeGreaterThanOrEqual(0);
});

test('one that failed leaves its code beside the last good one, and passes the error on', async () => {
  const before = await readLastSweeps(the().projector);
  await without('SELECT (agent_url) ON public.agent_contexts', async () => {
    await expect(sweeps('sweep')).rejects.toMatchObject({ code: '42501' });
  });
  const { done, failed } = await readLastSweeps(the().projector);
  expect(failed).toMatchObject({ by: 'sweep', errorCode: '42501' });
  expect(done?.endedAt).toEqual(before.done?.endedAt);
  await sweeps('sweep');
  const after = await readLastSweeps(the().projector);
  expect(after.done).toMatchObject({ by: 'sweep', absorbed: 0 });
  expect(after.failed?.endedAt).toEqual(failed?.endedAt);
  const { rowCount } = await the().projector.query('SELECT FROM history_cdc.last_sweep');
  expect(rowCount).toBe(2);
});

test('one that cannot be stored has done its work all the same, and the log says so', async () => {
  expect(warnings).toEqual([]);
  const before = await readLastSweeps(the().projector);
  await without('INSERT, UPDATE ON history_cdc.last_sweep', () => sweeps('sweep'));
  expect(warnings).toEqual([
    [{ reason: 'permission denied for table last_sweep' }, 'the outcome of the sweep could not be stored'],
  ]);
  expect((await readLastSweeps(the().projector)).done?.endedAt).toEqual(before.done?.endedAt);
});
