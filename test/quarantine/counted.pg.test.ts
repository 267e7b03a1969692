import { expect, test } from 'vitest';
import { countUnhealed, countUnhealedSoon } from '../../consumers/agent-test-history/stream/unhealed.ts';
import { waive } from '../../operations/quarantine/waive.ts';
import { createPool } from '../../lib/postgres.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { usePartitions } from '../support/partitions.ts';
import { inserted, PLACEHOLDER, updated } from '../support/records.ts';
import { retried } from '../support/retried.ts';
import { runRecords } from '../support/run-records.ts';

// Commands start processes, which take a second each on a quiet machine.
const topic = usePartitions();

/** Parks four records: one is healed, two are open, and one is waived. */
async function parkFour(): Promise<void> {
  const rows = [topic().ownersRow(), topic().ownersRow(), topic().ownersRow(), topic().ownersRow()] as const;
  const messages = [...rows.map((row) => updated(row, 'summary')), inserted(rows[0])];
  await runRecords(topic().commit(messages, await topic().claim('one')));
  const last = (await topic().quarantined()).at(-1);
  const ids = [String(last?.['id'])];
  await waive(topic().pool, { ids, by: 'the data owner', reason: 'a test row' });
}

test('what is healed is not counted; what is waived is, until it is healed', async () => {
  expect(await countUnhealed(topic().pool)).toEqual({ open: 0, waived: 0 });
  await parkFour();
  expect(await countUnhealed(topic().pool)).toEqual({ open: 2, waived: 1 });
  const waived = (await topic().quarantined()).at(-1);
  const [row] = [String(waived?.['legacy_id'])];
  await topic().legacyRow({ ...topic().ownersRow(), id: row });
  await retried(topic().pool, { filter: { ids: [String(waived?.['id'])] } });
  expect(await countUnhealed(topic().pool)).toEqual({ open: 2, waived: 0 });
});

test('whoever cannot wait is told that nobody knows, where Postgres is away or busy', async () => {
  const nobody = createPool({ url: 'postgres://app@127.0.0.1:1/none', name: 'test', connections: 1 });
  expect(await countUnhealedSoon(nobody)).toBeNull();
  await nobody.end();
  const client = await topic().pool.connect();
  try {
    await client.query('BEGIN; LOCK TABLE history_cdc.quarantine IN ACCESS EXCLUSIVE MODE');
    expect(await countUnhealedSoon(topic().pool)).toBeNull();
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
  expect(await countUnhealedSoon(topic().pool)).toEqual({ open: 0, waived: 0 });
});

test('every report counts what is open and what is waived, for people and as JSON', async () => {
  await parkFour();
  const settings = {
    DATABASE_URL: topic().url,
    UNAVAILABLE_PLACEHOLDER: PLACEHOLDER,
  };
  const run = async (...args: string[]): Promise<Answer> => await runInProcess(args, settings);
  // The last verdict of `reconcile` stands on the run before it; nothing else depends on what comes first.
  const reports = [
    [
      ['reconcile', '--source-is-quiet'],
      ['reconcile', '--last'],
    ],
    [['census', '--compare']],
    [['redecide']],
    [['sweep']],
  ] as const;
  for (const [report, again = report] of reports) {
    const text = await run(...report);
    const json = await run(...again, '--json');
    expect(text.stdout, report[0]).toMatch(
      /^in quarantine.*: open 2, waived 1; `history-cdc quarantine list --all`/m,
    );
    const facts = JSON.parse(json.stdout) as { quarantine?: unknown; comparison?: { quarantine: unknown } };
    expect(facts.comparison?.quarantine ?? facts.quarantine, report[0]).toEqual({ open: 2, waived: 1 });
  }
});
