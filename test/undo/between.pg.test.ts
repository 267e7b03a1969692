import { expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { compareCensus } from '../../operations/census/compare.ts';
import { createPool } from '../../lib/postgres.ts';
import { urlOf } from '../census/census.ts';
import { explained, given } from '../support/explained.ts';
import { deleted, type RowValues } from '../support/records.ts';
import { ONLY_KNOWN_ROWS, reconciled } from '../support/reconciled.ts';
import { useWorld } from '../support/world.ts';
import { runOf, takenBack } from './taken-back.ts';

const world = useWorld();

/** Two rows that are projected and taken back, the second deleted since it was projected. */
async function twoTakenBack(): Promise<[RowValues, RowValues]> {
  const owner = await world().owner();
  const [row, gone] = [runOf(owner), runOf(owner, { summary: 'gone' })];
  await given(world(), [row, gone]);
  await world().execute('DELETE FROM public.agent_test_history WHERE id = $1', gone.id);
  await world().project([deleted(gone.id)]);
  expect(await world().ledger(gone.id)).toMatchObject({ decision: 'projected' });
  await world().execute("DELETE FROM history_cdc.ledger WHERE legacy_id::text LIKE 'c0000000%'");
  await world().execute("DELETE FROM public.agent_compliance_runs WHERE id::text LIKE 'b0000000%4'");
  await takenBack(world().pool);
  return [row, gone];
}

test('between an undo and its replay, reconcile names what was taken back as that, and nothing else', async () => {
  const rows = await twoTakenBack();
  await world().pool.query('DELETE FROM history_cdc.reconcile_run; DELETE FROM history_cdc.pruned');
  const { run, findings, named } = await reconciled(world().pool);
  expect(run.verdict).toBe('wrong');
  expect(named).toEqual(rows.map(({ id }) => `undone ${id}`).sort());
  expect(findings.map((finding) => finding.canonical_run_id).sort()).toEqual(
    rows.map(({ id }) => canonicalRunId(id)).sort(),
  );
  await world().replay();
  await world().pool.query(ONLY_KNOWN_ROWS);
  await world().pool.query(
    'UPDATE history_cdc.ledger l SET source_deleted_at = NULL FROM public.agent_test_history t WHERE t.id = l.legacy_id',
  );
  expect(await reconciled(world().pool)).toMatchObject({ run: { verdict: 'proven' }, named: [] });
});

test('explain says so, by the id of the row and of the canonical row, and what would come back', async () => {
  const [row, gone] = await twoTakenBack();
  for (const { id } of [row, gone]) {
    const report = await explained(world(), id);
    expect(report).toMatchObject({
      known: true,
      identity: { kind: 'legacy_row' },
      ledger: null,
      undone: { canonical_run_id: canonicalRunId(id), reason: 'owner' },
      verdict: { next: expect.stringContaining('history-cdc replay') as string },
    });
    expect(report.verdict.text).toContain('`undo`');
    expect(await explained(world(), canonicalRunId(id))).toMatchObject({
      identity: { kind: 'undone_run', legacy_id: id },
      verdict: report.verdict,
    });
  }
  await world().pool.query('DELETE FROM public.organization_memberships');
  expect((await explained(world(), row.id)).today).toMatchObject({
    decision: 'projected',
    canonical_run_id: canonicalRunId(row.id),
    changes: { runsInserted: 1 },
    rule: { decision: 'third_party' },
  });
  await world().replay();
  expect(await explained(world(), row.id)).toMatchObject({ undone: null, ledger: { decision: 'projected' } });
});

test('a census that is compared with the ledger explains the difference', async () => {
  const [row] = await twoTakenBack();
  const pool = createPool({ url: await urlOf(world().pool), name: 'census test', connections: 4 });
  try {
    const { comparison } = await compareCensus({
      canonical: pool,
      legacy: pool,
      optOutPolicy: 'respect',
      windowUs: 120_000_000n,
      retentionDays: undefined,
      messageBytes: 16_777_216,
      chunkRows: 2,
    });
    expect(comparison.unexplained).toBe(0);
    expect(comparison.differences.undone?.ids).toEqual([row.id]);
  } finally {
    await pool.end();
  }
});
