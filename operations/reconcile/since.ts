/**
 * Compares only what changed since a moment: rows of the ledger and of the legacy table whose newest version is younger than
 * the moment's snapshots (changed-since.ts). What was deleted, what changed in the canonical table alone, and pairs of rows
 * are not found by that, so the verdict is never `proven`.
 */
import { FatalError } from '../../lib/errors.ts';
import { inTransaction, type Pool } from '../../lib/postgres.ts';
import { acceptFindings } from './accepted.ts';
import { compare, fetchFor, type WalkedPhase } from './checks.ts';
import { changedSince } from './changed-since.ts';
import { forgetOldFindings } from './forget.ts';
import { markBefore, oldestMark, type Mark } from './marks.ts';
import { recheck } from './recheck.ts';
import { ALL_OF_A_TABLE, IN_MEMORY, type ReconcileContext } from './reconcile.ts';
import { advance, beginRun, finish, type Phase, type ReconcileRun } from './run-store.ts';

export type SinceContext = Omit<ReconcileContext, 'fresh' | 'onResume'> & { readonly since: Date };

const NEXT: Readonly<Record<WalkedPhase, Phase>> = {
  legacy: 'ledger',
  ledger: 'canonical',
  canonical: 'recheck',
};

/** Runs to its verdict. A run that is broken off is not continued: the next one begins at the same moment. */
export async function reconcileSince(context: SinceContext): Promise<ReconcileRun> {
  const { canonical, signal, since } = context;
  const mark = await requiredMark(canonical, since);
  let run = await beginRun(canonical, since);
  for (const phase of ['legacy', 'ledger', 'canonical'] as const) {
    let after: string | null = null;
    do {
      signal.throwIfAborted();
      const { ids, last } = await changedIds(context, { phase, mark, after });
      const rows = ids.length === 0 ? 0 : await comparePhase(context, { runId: run.id, phase, ids });
      run = await inTransaction(canonical, async (client) =>
        advance(client, run, {
          phase: last === null ? NEXT[phase] : phase,
          compared: { rows, last_id: last },
        }),
      );
      context.onProgress(run);
      after = last;
    } while (after !== null);
  }
  await recheck(context, run.id);
  const finished = await inTransaction(canonical, async (client) => {
    await client.query(ALL_OF_A_TABLE);
    await acceptFindings(client, run.id, context.accepted);
    return await finish(client, run, { legacyCounted: null, sourceIsQuiet: false });
  });
  await forgetOldFindings(canonical);
  return finished;
}

/** By the clock that the marks are of. */
const IS_AHEAD = 'SELECT $1::timestamptz > clock_timestamp() AS ahead';

async function requiredMark(canonical: Pool, since: Date): Promise<Mark> {
  const { rows } = await canonical.query<{ ahead: boolean }>(IS_AHEAD, [since]);
  const mark = await markBefore(canonical, since);
  if (mark !== undefined && rows[0]?.ahead === false) return mark;
  const oldest = await oldestMark(canonical);
  const known =
    mark !== undefined
      ? 'by the clock of the canonical database, it is in the future'
      : oldest === null
        ? 'no moment is recorded yet'
        : `the oldest moment that is recorded is ${oldest.toISOString()}`;
  throw new FatalError({
    code: 'SINCE_UNKNOWN',
    message: `nobody can tell which rows have changed since ${since.toISOString()}: ${known}`,
    wayOut:
      'name a later time, or compare everything with `history-cdc reconcile`. `project` and `reconcile` record such moments, and keep them for 7 days',
  });
}

interface Changed {
  readonly phase: WalkedPhase;
  readonly mark: Mark;
  readonly after: string | null;
}

const TABLES = {
  legacy: { from: 'public.agent_test_history t', key: 't.id' },
  ledger: { from: 'history_cdc.ledger t', key: 't.legacy_id' },
  // The canonical rows of the ledger's rows that changed.
  canonical: { from: 'history_cdc.ledger t', key: 't.canonical_run_id' },
} as const;

/** The next keys after one key, and the last of them; null at the end of the table. */
async function changedIds(
  { canonical, elsewhere, chunkRows }: SinceContext,
  { phase, mark, after }: Changed,
): Promise<{ readonly ids: readonly string[]; readonly last: string | null }> {
  const { from, key } = TABLES[phase];
  const pool = phase === 'legacy' ? (elsewhere ?? canonical) : canonical;
  const snapshot = phase === 'legacy' ? mark.legacy : mark.canonical;
  const { rows } = await inTransaction(pool, async (client) => {
    await client.query(ALL_OF_A_TABLE);
    return await client.query<{ id: string }>(
      `SELECT ${key} AS id FROM ${from}
       WHERE ($1::uuid IS NULL OR ${key} > $1::uuid) AND ${key} IS NOT NULL AND ${changedSince('t', '$2')}
       ORDER BY ${key} LIMIT $3`,
      [after, snapshot, chunkRows],
    );
  });
  const ids = rows.map(({ id }) => id);
  return { ids, last: ids.length < chunkRows ? null : (ids.at(-1) ?? null) };
}

interface Compare {
  readonly runId: string;
  readonly phase: WalkedPhase;
  readonly ids: readonly string[];
}

/** Counts the rows of its own phase. A row of the ledger that changed is compared with its legacy row, too. */
async function comparePhase(context: SinceContext, { runId, phase, ids }: Compare): Promise<number> {
  const { canonical } = context;
  let rows = 0;
  for (const one of phase === 'ledger' ? (['legacy', 'ledger'] as const) : [phase]) {
    const chunk = { runId, phase: one, rows: { ids } };
    const fetched = await fetchFor(context, canonical, chunk);
    const compared = await inTransaction(canonical, async (client) => {
      await client.query(IN_MEMORY);
      return await compare(context, client, { ...chunk, fetched });
    });
    if (one === phase) rows = compared.rows;
  }
  return rows;
}
