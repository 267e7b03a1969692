import type { Pool } from '../../lib/postgres.ts';
import { changedSince, isSeenBy } from '../reconcile/changed-since.ts';
import type { State } from './state.ts';

/**
 * So many pages of the ledger are looked through in one step: about 100,000 rows, in 20 ms. The step takes fewer rows than
 * it finds if they are too many.
 */
const PAGES = 4096;

const CHANGED = `
  SELECT t.legacy_id AS "legacyId", t.canonical_run_id AS "runId", t.ctid::text AS at
  FROM history_cdc.ledger t
  WHERE t.ctid > $1::tid AND t.ctid < $2::tid AND ${changedSince('t', '$3')} AND ${isSeenBy('t', '$4')}
  ORDER BY t.ctid LIMIT $5`;
const SIZE = `
  SELECT (pg_relation_size('history_cdc.ledger') / current_setting('block_size')::bigint)::integer AS pages`;

export interface ChangedRows {
  readonly legacyIds: readonly string[];
  readonly runIds: readonly string[];
  /** Where the walk goes on; null at the end of the ledger. */
  readonly next: string | null;
}

/**
 * The next rows of the ledger that changed between the two snapshots of the state, in the order of the table. A row that
 * changes during the walk gets another place; it belongs to the next walk, which begins with the later snapshot.
 */
export async function nextChanged(canonical: Pool, state: State, limit: number): Promise<ChangedRows> {
  const from = state.changedAt ?? '(0,0)';
  const { rows: size } = await canonical.query<{ pages: number }>(SIZE);
  const end = Number(/\d+/.exec(from)?.[0] ?? 0) + PAGES;
  const { rows } = await canonical.query<{ legacyId: string; runId: string | null; at: string }>(CHANGED, [
    from,
    `(${String(end)},0)`,
    state.changedFrom,
    state.changedTo,
    limit,
  ]);
  const last = rows.length < limit ? undefined : rows.at(-1)?.at;
  const isOver = last === undefined && end >= (size[0]?.pages ?? 0);
  return {
    legacyIds: rows.map(({ legacyId }) => legacyId),
    runIds: rows.flatMap(({ runId }) => runId ?? []),
    next: isOver ? null : (last ?? `(${String(end)},0)`),
  };
}

/** Counts the rows of the ledger that changed and were not compared yet. It reads the whole ledger. */
export const COUNT_WAITING = `
  UPDATE history_cdc.verification v
  SET waiting_at = clock_timestamp(), waiting_rows = (
    SELECT count(*) FROM history_cdc.ledger t WHERE ${changedSince('t', '$2')})
  WHERE v.step = $1::bigint`;
