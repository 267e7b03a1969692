/**
 * Legacy against ledger against canonical, both ways, by content: start reading here.
 *
 *   legacy     every legacy row: seen? and as we wrote it?          sql/legacy.sql
 *   ledger     every decision: is its row still there, its link     sql/ledger.sql
 *              what it says, its user an owner?
 *   canonical  every row with a mark: does a decision stand         sql/canonical.sql
 *              behind it, and only one row behind the decision?
 *   pairs      rows that may show one run                           sql/pairs.sql
 *   recheck    what was found, until it is gone or certain          recheck.ts
 *
 * In stretches of keys, each a short transaction; how far the run came is stored behind them: a run that was broken off
 * goes on from there, and nothing is held in memory.
 */
import { inTransaction, type Pool } from '../../lib/postgres.ts';
import { acceptFindings, type AcceptRule } from './accepted.ts';
import { compare, fetchFor, type Compared, type ComparedPhase } from './checks.ts';
import { forgetOldFindings } from './forget.ts';
import { legacySnapshot, recordMark } from './marks.ts';
import { recheck, type RecheckContext } from './recheck.ts';
import type { Stretch } from './rows.ts';
import { stretchesAhead } from './stretches.ts';
import { advance, beginOrResume, finish, type Phase, type ReconcileRun } from './run-store.ts';

export interface ReconcileContext extends RecheckContext {
  readonly chunkRows: number;
  /** Start a new run, even if an earlier run was broken off. */
  readonly fresh: boolean;
  readonly accepted: readonly AcceptRule[];
  /** Called if this continues a run that was broken off. */
  readonly onResume: (run: ReconcileRun) => void;
  /** Called after each chunk with the number of compared rows of the three tables. */
  readonly onProgress: (run: ReconcileRun) => void;
}

const NEXT: Readonly<Record<ComparedPhase, Phase>> = {
  legacy: 'ledger',
  ledger: 'canonical',
  canonical: 'pairs',
  pairs: 'recheck',
};

/**
 * Runs all phases, and returns the run with its verdict. Throws if the signal fires; the next call continues the run.
 */
export async function reconcile(context: ReconcileContext): Promise<ReconcileRun> {
  const { canonical, signal } = context;
  await recordMark(canonical, await legacySnapshot(context.elsewhere ?? canonical));
  let run = await beginOrResume(canonical, context.fresh);
  if (run.phase !== 'legacy' || run.last_id !== null) context.onResume(run);
  while (run.phase !== 'recheck' && run.phase !== 'done') {
    signal.throwIfAborted();
    run = await compareNext(context, run, run.phase);
    context.onProgress(run);
  }
  await recheck(context, run.id);
  await recordTruncated(context, run.id);
  const legacyCounted = await countLegacyRows(context.elsewhere ?? canonical);
  const finished = await inTransaction(canonical, async (client) => {
    await client.query(ALL_OF_A_TABLE);
    await acceptFindings(client, run.id, context.accepted);
    await client.query(RECORD_PRUNED, [run.id]);
    return await finish(client, run, { legacyCounted, sourceIsQuiet: context.sourceIsQuiet });
  });
  await forgetOldFindings(canonical);
  return finished;
}

/** Half a minute is too short for a large table, but it should never take hours. */
export const ALL_OF_A_TABLE = "SET LOCAL statement_timeout = '15min'";

/** Counts by reading the table itself. The walk uses the index of the primary key, which may be damaged. */
async function countLegacyRows(legacy: Pool): Promise<string> {
  return await inTransaction(legacy, async (client) => {
    await client.query(ALL_OF_A_TABLE);
    await client.query(
      'SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off',
    );
    const { rows } = await client.query<{ rows: string }>(
      'SELECT count(*)::text AS rows FROM public.agent_test_history',
    );
    return certain(rows[0]).rows;
  });
}

function certain<T>(row: T | undefined): T {
  if (row === undefined) throw new Error('an aggregate gave no row');
  return row;
}

const RECORD_PRUNED = `
  INSERT INTO history_cdc.pruned (canonical_run_id, legacy_id)
  SELECT canonical_run_id, legacy_id FROM history_cdc.reconcile_finding WHERE run_id = $1 AND kind = 'pruned'
  ON CONFLICT DO NOTHING`;

/** As many rows as one transaction may lock, because the projectors write to these rows, too. */
const TRUNCATED_AT_ONCE = 10_000;
const RECORD_TRUNCATED = `
  WITH part AS (
    SELECT f.legacy_id, f.version FROM history_cdc.reconcile_finding f
    WHERE f.run_id = $1 AND f.kind = 'truncated' AND f.legacy_id > $2
    ORDER BY f.legacy_id LIMIT $3
  ),
  recorded AS (
    UPDATE history_cdc.ledger l SET source_deleted_at = clock_timestamp()
    FROM part p
    WHERE l.legacy_id = p.legacy_id AND l.source_deleted_at IS NULL
      AND concat_ws(' ', l.topic_id, l.partition, l."offset") = p.version
  )
  SELECT (array_agg(legacy_id ORDER BY legacy_id DESC))[1] AS last FROM part`;

/**
 * Records in the ledger which rows an accepted truncate removed. Otherwise they would be found as `vanished` for ever.
 */
async function recordTruncated({ canonical }: ReconcileContext, runId: string): Promise<void> {
  for (let after: string | null = '00000000-0000-0000-0000-000000000000'; after !== null;) {
    const values: unknown[] = [runId, after, TRUNCATED_AT_ONCE];
    const { rows } = await inTransaction(canonical, (client) =>
      client.query<{ last: string | null }>(RECORD_TRUNCATED, values),
    );
    after = rows[0]?.last ?? null;
  }
}

/**
 * One lane keeps less than one core of Postgres busy, because it also waits for reads. A million legacy rows of 3 kB
 * take 80 s of CPU.
 */
const LANES = 3;

async function compareNext(
  context: ReconcileContext,
  run: ReconcileRun,
  phase: ComparedPhase,
): Promise<ReconcileRun> {
  const { canonical, elsewhere, chunkRows } = context;
  const stretches: Stretch[] =
    phase === 'pairs'
      ? [{ after: null, upTo: undefined, limit: 0 }]
      : await stretchesAhead(phase === 'legacy' ? (elsewhere ?? canonical) : canonical, phase, {
          after: run.last_id,
          chunkRows,
          lanes: LANES,
        });
  const compared = await Promise.all(
    stretches.map((rows) => compareStretch(context, { runId: run.id, phase, rows })),
  );
  const last = compared.at(-1);
  const ended = phase === 'pairs' || last === undefined || last.rows < chunkRows;
  // Accepted differences are applied only now, because a continued run finds the findings of its last range again.
  return await inTransaction(canonical, async (client) =>
    advance(client, run, {
      phase: ended ? NEXT[phase] : phase,
      compared: { rows: compared.reduce((sum, { rows }) => sum + rows, 0), last_id: last?.last_id ?? null },
    }),
  );
}

interface Compare {
  readonly runId: string;
  readonly phase: ComparedPhase;
  readonly rows: Stretch;
}

async function compareStretch(context: ReconcileContext, { runId, phase, rows }: Compare): Promise<Compared> {
  const { canonical } = context;
  const fetched = await fetchFor(context, canonical, { phase, rows });
  return await inTransaction(canonical, async (client) => {
    await client.query(IN_MEMORY);
    if (phase === 'pairs') await client.query(ALL_OF_A_TABLE);
    return await compare(context, client, { runId, phase, rows, fetched });
  });
}

/**
 * A chunk (16 MB of rows) fits into memory; by default Postgres writes half of it to disk, several times. Memoize is
 * off, because its keys here are whole documents or occur once: hashing them took a fifth of the legacy phase.
 */
export const IN_MEMORY = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off; SET LOCAL enable_memoize = off";
