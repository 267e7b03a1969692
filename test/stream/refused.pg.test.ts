import { expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { usePartitions } from '../support/partitions.ts';
import { inserted } from '../support/records.ts';
import { runRecords, TOPIC_ID } from '../support/run-records.ts';
import { useSessions, whereabouts } from '../support/waiting.ts';

const topic = usePartitions();
const sessions = useSessions();

test('a right or a function that is missing puts no row aside: the projector ends, and nothing is committed', async () => {
  const rows = [topic().ownersRow(), topic().ownersRow()];
  const run = topic().commit(rows.map(inserted), await topic().claim('one'));
  const named = 'history_cdc.run_observations(uuid, text, text, text, text, text)';
  await topic().pool.query(`ALTER FUNCTION ${named} RENAME TO mislaid`);
  try {
    await expect(runRecords(run)).rejects.toMatchObject({ code: '42883' });
  } finally {
    await topic().pool.query(
      `ALTER FUNCTION ${named.replace('run_observations', 'mislaid')} RENAME TO run_observations`,
    );
  }
  expect(await topic().quarantined()).toEqual([]);
  expect(await topic().effects()).toEqual({ decisions: 0, runs: 0 });
  expect(await topic().stored()).toMatchObject({ nextOffset: 0n });
  expect((await runRecords(run)).records.applied).toBe(2);
});

test('a canonical id that somebody else is just claiming is no fault of the row: it is tried again', async () => {
  const row = topic().ownersRow();
  const pool = sessions.poolOf(topic().url, 'claiming');
  const run = topic().commit([inserted(row)], await topic().claim('one'), pool);
  const other = '0e000000-0000-4000-8000-000000000001';
  const held = await sessions.hold(
    topic().pool,
    `INSERT INTO history_cdc.ledger (legacy_id, decision, reason, canonical_run_id, rule_version, is_member, lists_agent,
                                     topic_id, partition, "offset", op, snapshot)
     VALUES ($1, 'projected', 'by hand', $2, 1, true, true, $3, 0, 0, 'c', false)`,
    ...[other, canonicalRunId(row.id), TOPIC_ID],
  );
  let freed: Promise<void> | undefined;
  const running = runRecords({
    ...run,
    retrying: () => {
      freed ??= topic().execute('DELETE FROM history_cdc.ledger WHERE legacy_id = $1', other);
    },
  });
  expect(await whereabouts(topic().pool, 'claiming', running)).toBe('another row');
  await held.release();
  expect((await running).records).toMatchObject({ applied: 1, quarantined: 0 });
  expect(freed, 'it was refused once').toBeDefined();
  await freed;
  expect(await topic().ledger(row.id)).toMatchObject({ decision: 'projected' });
});
