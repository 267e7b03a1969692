import { checkLedger, counts, unnest, type Run, type Session } from './statement.ts';
import { databaseError } from './store.ts';
import { isOurs, type LedgerRow, type RunRow } from './tables.ts';

interface Change {
  readonly legacyId: string;
  readonly was: string;
  readonly wasRun: string | null;
  readonly becomes: string;
  readonly becomesRun: string | null;
  readonly reason: string;
  readonly ownRun: string;
}
const CHANGE = ['legacyId', 'was', 'wasRun', 'becomes', 'becomesRun', 'reason', 'ownRun'] as const;

/** One snapshot for all of it; the parts do not see each other's writes, but no row is met by two of them. */
export const relink: Run = async (session, values) => {
  const changes = unnest<Change>(values, CHANGE);
  const startedAt = new Map(
    session.tx.rows(session.tables.ledger).map(({ legacyId, startedAtUs }) => [legacyId, startedAtUs ?? 0]),
  );
  const absorbed = await absorb(session, changes);
  await keep(session, changes, { absorbed, startedAt });
  const released = await release(session, changes);
  const recorded = await record(session, changes);
  return counts(released, 0, [absorbed.size, recorded]);
};

/** Our rows give way to live ones. */
async function absorb(
  { tx, tables: { runs } }: Session,
  changes: readonly Change[],
): Promise<Map<string, RunRow>> {
  const absorbed = new Map<string, RunRow>();
  for (const { legacyId, was, wasRun, becomes } of changes) {
    if (was !== 'projected' || becomes !== 'twin' || wasRun === null) continue;
    if (tx.get(runs, wasRun) === undefined) continue;
    await tx.lockRow(runs, wasRun);
    await tx.lock(`key of run ${wasRun}`);
    const run = tx.get(runs, wasRun);
    if (run === undefined || !isOurs(run)) continue;
    tx.put(runs, wasRun, undefined);
    absorbed.set(legacyId, run);
  }
  return absorbed;
}

async function keep(
  { tx, tables: { unsettled } }: Session,
  changes: readonly Change[],
  { absorbed, startedAt }: { absorbed: ReadonlyMap<string, RunRow>; startedAt: ReadonlyMap<string, number> },
): Promise<void> {
  for (const { legacyId, was, becomes } of changes) {
    const run = absorbed.get(legacyId) ?? null;
    if (run === null && !(was === 'opted_out' && becomes === 'twin')) continue;
    await tx.lockRow(unsettled, legacyId);
    const testedAtUs = run?.testedAtUs ?? startedAt.get(legacyId) ?? 0;
    tx.put(unsettled, legacyId, { legacyId, testedAtUs, run });
  }
}

/** Live rows are taken away again: our own rows come back as they were. */
async function release(
  { tx, tables: { unsettled, runs } }: Session,
  changes: readonly Change[],
): Promise<number> {
  let released = 0;
  for (const { legacyId, was, becomes } of changes) {
    if (was !== 'twin' || becomes === 'twin' || tx.get(unsettled, legacyId) === undefined) continue;
    await tx.lockRow(unsettled, legacyId);
    const kept = tx.get(unsettled, legacyId);
    if (kept === undefined) continue;
    tx.put(unsettled, legacyId, undefined);
    if (becomes !== 'projected') continue;
    if (kept.run === null) throw databaseError('23502', 'no row of ours was kept');
    await tx.lockRow(runs, kept.run.id);
    if (tx.get(runs, kept.run.id) !== undefined) throw databaseError('23505', 'our row is there already');
    tx.put(runs, kept.run.id, kept.run);
    released++;
  }
  return released;
}

async function record(session: Session, changes: readonly Change[]): Promise<number> {
  const { tx, tables } = session;
  const written: LedgerRow[] = [];
  const fits = (row: LedgerRow | undefined, { was, wasRun }: Change): row is LedgerRow =>
    row?.decision === was && row.runId === wasRun;
  for (const change of changes) {
    if (!fits(tx.get(tables.ledger, change.legacyId), change)) continue;
    await tx.lockRow(tables.ledger, change.legacyId);
    const row = tx.get(tables.ledger, change.legacyId);
    if (!fits(row, change)) continue;
    const next = { ...row, decision: change.becomes, runId: change.becomesRun, reason: change.reason };
    tx.put(tables.ledger, change.legacyId, next);
    written.push(next);
  }
  await checkLedger(session, written);
  return written.length;
}
