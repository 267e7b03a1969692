import { expect, test } from 'vitest';
import { usePartitions } from '../support/partitions.ts';
import { deleted, inserted, updated, type Message, type RowValues } from '../support/records.ts';
import { retried } from '../support/retried.ts';
import { runRecords } from '../support/run-records.ts';

const topic = usePartitions();

/** What may happen to a row; `refused` is a whole image that Postgres refuses for a while, `hopeless` one for good. */
const STEPS = ['whole', 'refused', 'hopeless', 'partial', 'deleted'] as const;
type Step = (typeof STEPS)[number];
const REFUSED_MS = 666;
const HARMLESS_MS = 667;
const HOPELESS_MS = 668;

function historiesOf(length: number): (readonly Step[])[] {
  if (length === 0) return [[]];
  return historiesOf(length - 1).flatMap((history) => STEPS.map((step) => [...history, step]));
}

/** The messages of a history; each image differs from the one before. */
function messagesOf(row: RowValues, history: readonly Step[], refusedMs: number): Message[] {
  return history.map((step, n) => {
    const image = { ...row, steps_failed: n, summary: `image ${String(n)}` };
    if (step === 'deleted') return deleted(row.id);
    if (step === 'partial') return updated(image, 'summary');
    if (step === 'whole') return inserted(image);
    return inserted({ ...image, total_duration_ms: step === 'refused' ? refusedMs : HOPELESS_MS });
  });
}

/** What is left of a row, without what has to differ: ids, durations and their hash, times, and where it began. */
async function leftOf({ id }: RowValues, base: number): Promise<unknown> {
  const [entry, run] = [await topic().ledger(id), await topic().run(id)];
  const parked = (await topic().quarantined()).filter((record) => record['legacy_id'] === id);
  return {
    decision: entry?.['decision'],
    reason: entry?.['reason'],
    op: entry?.['op'],
    at: Number(entry?.['offset']) - base,
    deletedAt: entry?.['source_deleted_at'],
    lsn: entry?.['lsn'],
    headline: run?.['headline'],
    failed: run?.['tracks_failed'],
    open: parked
      .filter((record) => record['healed_at'] === null)
      .map((record) => Number(record['offset']) - base),
  };
}

/** From now on, and only these. */
async function refuse(...durations: readonly number[]): Promise<void> {
  await topic().pool.query(
    `ALTER TABLE public.agent_compliance_runs DROP CONSTRAINT IF EXISTS odd,
       ADD CONSTRAINT odd CHECK (total_duration_ms NOT IN (${durations.join(', ')})) NOT VALID`,
  );
}

test('after a retry every row is as if nothing of it had ever been refused', async () => {
  const histories = [1, 2, 3].flatMap(historiesOf).filter((history) => history.includes('refused'));
  const rows = histories.map((history) => ({
    history,
    harmless: { row: topic().ownersRow(), base: 0 },
    refused: { row: topic().ownersRow(), base: 0 },
  }));
  const messages: Message[] = [];
  for (const { history, harmless, refused } of rows) {
    harmless.base = messages.length;
    messages.push(...messagesOf(harmless.row, history, HARMLESS_MS));
    refused.base = messages.length;
    messages.push(...messagesOf(refused.row, history, REFUSED_MS));
  }
  const pool = topic().pool;
  await refuse(REFUSED_MS, HOPELESS_MS);
  await runRecords({ ...topic().commit(messages, await topic().claim('one')), rows: 4 });
  await refuse(HOPELESS_MS);
  const reasons = (await topic().quarantined()).filter(({ reason }) => reason === 'rejected_by_postgres');
  expect(reasons.length).toBeGreaterThan(40);
  await retried(pool);
  const differing: unknown[] = [];
  for (const { history, harmless, refused } of rows) {
    const [expected, actual] = [
      await leftOf(harmless.row, harmless.base),
      await leftOf(refused.row, refused.base),
    ];
    if (JSON.stringify(actual) !== JSON.stringify(expected))
      differing.push({ history: history.join(' '), expected, actual });
  }
  expect(differing).toEqual([]);
}, 120_000);
