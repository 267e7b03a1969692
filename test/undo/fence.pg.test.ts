import { describe, expect, test } from 'vitest';
import { undoGeneration } from '../../consumers/agent-test-history/batch/undo-fence.ts';
import { planUndo, undo } from '../../operations/undo/undo.ts';
import { usePartitions } from '../support/partitions.ts';
import { deleted, inserted, updated } from '../support/records.ts';
import { runRecords, type SessionRun } from '../support/run-records.ts';
import { useSessions, whereabouts } from '../support/waiting.ts';
import { takenBack } from './taken-back.ts';

const topic = usePartitions();
const sessions = useSessions();

/** The work of a process that starts now. */
async function startedNow(run: SessionRun): Promise<SessionRun> {
  return { ...run, context: { ...run.context, undoGeneration: await undoGeneration(topic().pool) } };
}

const replay = { kind: 'replay' } as const;
const refused = { code: 'FENCED' };

describe('a process that nobody could see when rows were taken back commits nothing any more:', () => {
  test('a replay that had them in hand, and one that held no partition', async () => {
    const row = topic().ownersRow();
    const run = topic().commit([inserted(row)], await topic().claim('one'));
    await runRecords(run);
    const idle = await startedNow({ ...run, mode: replay });
    await takenBack(topic().pool);
    await expect(runRecords(idle)).rejects.toMatchObject(refused);
    await expect(runRecords({ ...idle, partition: 3 })).rejects.toMatchObject(refused);
    expect(await topic().effects()).toEqual({ decisions: 0, runs: 0 });
    await runRecords(await startedNow({ ...run, mode: replay }));
    expect(await topic().effects()).toEqual({ decisions: 1, runs: 1 });
  });

  test('a projector, also one that its group has given the partition anew since', async () => {
    const row = topic().ownersRow();
    await runRecords(topic().commit([inserted(row)], await topic().claim('one')));
    const since = await undoGeneration(topic().pool);
    const goingOn = async () => {
      const run = topic().commit([updated({ ...row, summary: 'newest' })], await topic().claim('one'));
      return { ...run, context: { ...run.context, undoGeneration: since } };
    };
    const before = await goingOn();
    await takenBack(topic().pool);
    for (const run of [before, await goingOn()])
      await expect(runRecords(run)).rejects.toMatchObject({ name: 'Fenced' });
    expect(await topic().effects()).toEqual({ decisions: 0, runs: 0 });
    expect(await topic().stored()).toMatchObject({ nextOffset: 1n });
  });
});

test('a replay that has begun to write is waited for, and what it wrote is taken back, too', async () => {
  // The one that the replay adds comes first in the order in which an undo goes through the rows.
  const [other, row] = [topic().ownersRow(), topic().ownersRow()];
  const run = topic().commit(
    [inserted(row), inserted(other), deleted(row.id)],
    await topic().claim('one', 3),
    sessions.poolOf(topic().url, 'replaying'),
  );
  await runRecords({ ...run, records: run.records.slice(0, 1) });
  // Of a partition that nobody has claimed there is no stored offset to lock.
  await topic().pool.query('DELETE FROM history_cdc.consumer_offset');
  const plan = await planUndo({ canonical: topic().pool, progress: () => undefined });
  const held = await sessions.hold(
    topic().pool,
    'SELECT FROM history_cdc.ledger WHERE legacy_id = $1 FOR UPDATE',
    row.id,
  );
  const replaying = runRecords(await startedNow({ ...run, mode: replay }));
  expect(await whereabouts(topic().pool, 'replaying', replaying)).toBe('another row');
  const canonical = sessions.poolOf(topic().url, 'undoing');
  const undoing = undo({ canonical, progress: () => undefined }, plan.removable);
  expect(await whereabouts(topic().pool, 'undoing', undoing)).toBe('another row');
  await held.release();
  await replaying;
  expect(await undoing).toMatchObject({ removable: plan.removable + 1 });
  expect(await topic().effects()).toEqual({ decisions: 0, runs: 0 });
});

test('a fence that has lost its row lets nobody through, and undo does not begin', async () => {
  const row = topic().ownersRow();
  const run = await startedNow({
    ...topic().commit([inserted(row)], await topic().claim('one')),
    mode: replay,
  });
  await topic().pool.query('DELETE FROM history_cdc.undo_fence');
  try {
    const blind = { code: 'DATABASE_UNFIT' };
    await expect(undoGeneration(topic().pool)).rejects.toMatchObject(blind);
    await expect(runRecords(run)).rejects.toMatchObject(blind);
    await expect(takenBack(topic().pool)).rejects.toMatchObject(blind);
  } finally {
    await topic().pool.query('INSERT INTO history_cdc.undo_fence DEFAULT VALUES');
  }
});
