/**
 * Looks again at each finding until it is gone or certain. Legacy table and ledger are compared while writers write, so
 * a row that the stream has not brought yet looks like a lost row. A finding is certain if it is still there after the
 * stream and the projectors have passed a position that the source had after the finding (barrier.ts). Times of the
 * source are not used: a clock that is an hour ahead would confirm rows that are on their way.
 */
import { setTimeout } from 'node:timers/promises';
import { inTransaction, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { Barrier, type SourceStream } from './barrier.ts';
import { compare, fetchFor, type CheckContext, type ComparedPhase, type WalkedPhase } from './checks.ts';

const CONFIRM = sqlFile(import.meta.url, './sql/confirm.sql');
const LEFT = `
  SELECT EXISTS (
    SELECT FROM history_cdc.reconcile_finding
    WHERE run_id = $1 AND state = 'suspect' AND ($2::text IS NULL OR phase = $2)
  ) AS some`;
const WAITED_FOR = `
  UPDATE history_cdc.reconcile_run SET waited_for = $2
  WHERE id = $1 AND EXISTS (SELECT FROM history_cdc.reconcile_finding f WHERE f.run_id = $1 AND f.state = 'in_flight')`;
const SOME_AT_ONCE = 1000;
/** Short pauses at first, because most of what is on its way arrives within milliseconds. */
const LOOK_AFTER_MS = [50, 100, 200] as const;
const LOOK_EVERY_MS = 500;

export interface RecheckContext extends CheckContext {
  readonly canonical: Pool;
  readonly settleSeconds: number;
  /** A person has said that nobody writes and everything is projected. Findings then count at once. */
  readonly sourceIsQuiet: boolean;
  /** Undefined if the stream cannot be asked. Findings that remain at the end are then in flight. */
  readonly stream: SourceStream | undefined;
  readonly signal: AbortSignal;
}

/** Leaves no finding a suspect: each is gone, confirmed, or in flight if the stream did not get there in time. */
export async function recheck(context: RecheckContext, runId: string): Promise<void> {
  const { canonical, settleSeconds, sourceIsQuiet, stream, signal } = context;
  const barrier = stream === undefined || sourceIsQuiet ? undefined : new Barrier(canonical, stream);
  const until = performance.now() + settleSeconds * 1000;
  for (let look = 0; ; look++) {
    // Asked before the comparison: what is committed after this answer may still be on its way.
    const passed = await barrier?.passedUntil();
    const last = performance.now() >= until;
    await lookAgain(context, runId);
    // Finding pairs reads the whole table, so it is not done in every round.
    if (look === 0 || last) await lookAgainAtPairs(context, runId);
    await canonical.query(CONFIRM, [runId, passed ?? null, sourceIsQuiet, last]);
    if (last) await canonical.query(WAITED_FOR, [runId, barrier?.waitsFor]);
    if (last || !(await areLeft(canonical, runId, null))) return;
    await setTimeout(LOOK_AFTER_MS[look] ?? LOOK_EVERY_MS, undefined, { signal });
  }
}

async function areLeft(canonical: Pool, runId: string, phase: ComparedPhase | null): Promise<boolean> {
  const { rows } = await canonical.query<{ some: boolean }>(LEFT, [runId, phase]);
  return rows[0]?.some === true;
}

/** The column of a finding that names the row to look at again. */
export const KEYS: Readonly<Record<WalkedPhase, 'legacy_id' | 'canonical_run_id'>> = {
  legacy: 'legacy_id',
  ledger: 'legacy_id',
  canonical: 'canonical_run_id',
};
const suspectsOf = (key: string) => `
  SELECT DISTINCT f.${key} AS id FROM history_cdc.reconcile_finding f
  WHERE f.run_id = $1 AND f.phase = $2 AND f.state = 'suspect' AND ($3::uuid IS NULL OR f.${key} > $3::uuid)
  ORDER BY 1 LIMIT $4`;

async function lookAgain(context: RecheckContext, runId: string): Promise<void> {
  for (const phase of ['legacy', 'ledger', 'canonical'] as const) {
    let after: string | null = null;
    do {
      context.signal.throwIfAborted();
      const { rows } = await context.canonical.query<{ id: string }>(suspectsOf(KEYS[phase]), [
        runId,
        phase,
        after,
        SOME_AT_ONCE,
      ]);
      const ids: string[] = rows.map(({ id }) => id);
      if (ids.length > 0) await lookAgainAt(context, { runId, phase, ids });
      after = ids.at(-1) ?? null;
    } while (after !== null);
  }
}

async function lookAgainAtPairs(context: RecheckContext, runId: string): Promise<void> {
  if (await areLeft(context.canonical, runId, 'pairs'))
    await lookAgainAt(context, { runId, phase: 'pairs', ids: [] });
}

interface Again {
  readonly runId: string;
  readonly phase: ComparedPhase;
  /** Empty for pairs, because one statement finds all of them. */
  readonly ids: readonly string[];
}

const GONE = `
  DELETE FROM history_cdc.reconcile_finding f
  WHERE f.run_id = $1 AND f.phase = $2 AND f.state = 'suspect' AND f.seen_at < $3::timestamptz`;

/** Compares once more. What is not found again is removed from the findings. */
async function lookAgainAt(context: RecheckContext, { runId, phase, ids }: Again): Promise<void> {
  const rows = { ids };
  const fetched = await fetchFor(context, context.canonical, { phase, rows });
  await inTransaction(context.canonical, async (client) => {
    await client.query("SET LOCAL statement_timeout = '15min'");
    const now = await client.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
    await compare(context, client, { runId, phase, rows, fetched });
    const values = [runId, phase, now.rows[0]?.now];
    if (phase === 'pairs') await client.query(GONE, values);
    else await client.query(`${GONE} AND f.${KEYS[phase]} = ANY ($4::uuid[])`, [...values, ids]);
  });
}
