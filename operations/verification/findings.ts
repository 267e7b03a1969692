/**
 * What the verification has found. A finding is a suspect until it was found again and no delay explains it; then it is
 * wrong. Both are looked at again and again, and a finding that is not found again is removed: the row is right.
 */
import type { Client, Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import {
  compare,
  fetchFor,
  type CheckContext,
  type Compared,
  type ComparedPhase,
  type Fetched,
  type WalkedPhase,
} from '../reconcile/checks.ts';
import type { Kind } from '../reconcile/kinds.ts';
import { KEYS } from '../reconcile/recheck.ts';
import type { Rows } from '../reconcile/rows.ts';

/** A finding by its ids; never a value of a row. */
export interface Found {
  readonly kind: Kind;
  readonly legacyId: string | null;
  readonly canonicalRunId: string | null;
  readonly fields: readonly string[];
}

export interface LookedAgain {
  readonly rows: number;
  /** What is certain to be wrong now, and was not before. */
  readonly wrong: readonly Found[];
  /** What was certain to be wrong, and is right. */
  readonly healed: readonly Found[];
}

/** After how long a finding is looked at again. */
export interface Again {
  readonly suspectMs: number;
  readonly wrongMs: number;
}
export const AGAIN: Again = { suspectMs: 3_000, wrongMs: 10_000 };

const DUE = `
  SELECT phase, legacy_id, canonical_run_id FROM history_cdc.reconcile_finding
  WHERE run_id = $1 AND (phase = 'pairs') = $2
    AND seen_at < clock_timestamp() - CASE state WHEN 'suspect' THEN $3 ELSE $4 END::float8 * interval '1 millisecond'
  ORDER BY seen_at LIMIT $5`;

interface Due {
  readonly phase: ComparedPhase;
  readonly legacy_id: string | null;
  readonly canonical_run_id: string | null;
}

/** Findings of one phase that are to be looked at again. Pairs are found by one statement, without ids. */
export interface DueFindings {
  readonly phase: ComparedPhase;
  readonly ids: readonly string[];
}

interface Choice {
  readonly runId: string;
  readonly again: Again;
  readonly limit: number;
  readonly pairs: boolean;
}

/** The findings that were looked at longest ago. */
export async function dueFindings(
  canonical: Pool,
  { runId, again, limit, pairs }: Choice,
): Promise<DueFindings[]> {
  const { rows } = await canonical.query<Due>(DUE, [runId, pairs, again.suspectMs, again.wrongMs, limit]);
  const phases = [...new Set(rows.map(({ phase }) => phase))];
  return phases.map((phase) => ({ phase, ids: phase === 'pairs' ? [] : idsOf(phase, rows) }));
}

function idsOf(phase: WalkedPhase, rows: readonly Due[]): string[] {
  const ids = rows.flatMap((row) => (row.phase === phase ? (row[KEYS[phase]] ?? []) : []));
  return [...new Set(ids)];
}

/** Rows to compare, and what the other database has of them. */
export interface Batch {
  readonly phase: ComparedPhase;
  readonly rows: Rows;
  readonly fetched: Fetched;
}

/** Fetched before the transaction begins, because the other database may be slow. */
export async function batchOf(
  context: CheckContext & { readonly canonical: Pool },
  phase: ComparedPhase,
  rows: Rows,
): Promise<Batch> {
  return { phase, rows, fetched: await fetchFor(context, context.canonical, { phase, rows }) };
}

const COLUMNS = 'kind, legacy_id AS "legacyId", canonical_run_id AS "canonicalRunId", fields';
const NOW = 'SELECT clock_timestamp()::text AS now';
const GONE = `
  DELETE FROM history_cdc.reconcile_finding f
  WHERE f.run_id = $1 AND f.phase = $2 AND f.seen_at < $3::timestamptz
    AND CASE $2 WHEN 'pairs' THEN true WHEN 'canonical' THEN f.canonical_run_id = ANY ($4::uuid[]) ELSE f.legacy_id = ANY ($4::uuid[]) END
  RETURNING ${COLUMNS}, state`;
const CONFIRM = `${sqlFile(import.meta.url, './sql/confirm.sql')} RETURNING ${COLUMNS}`;

interface LookAgain {
  readonly runId: string;
  readonly batches: readonly Batch[];
  /** The moment up to which everything that the source had committed is projected, as it was known before this look. */
  readonly passed: string | null;
}

/** Compares these rows once more: what is found again may be certain now, and what is not found again is right. */
export async function lookAgain(
  context: CheckContext,
  client: Client,
  { runId, batches, passed }: LookAgain,
): Promise<LookedAgain> {
  const now = await clockOf(client);
  const healed: Found[] = [];
  let compared = 0;
  for (const batch of batches) {
    compared += (await compareOnly(context, client, { runId, ...batch })).rows;
    const ids = 'ids' in batch.rows ? batch.rows.ids : [];
    const gone = await client.query<Found & { state: string }>(GONE, [runId, batch.phase, now, ids]);
    healed.push(...gone.rows.filter(({ state }) => state === 'confirmed'));
  }
  const { rows: wrong } = await client.query<Found>(CONFIRM, [runId, now, passed]);
  return { rows: compared, wrong, healed };
}

const DROP_OTHERS = `
  DELETE FROM history_cdc.reconcile_finding
  WHERE run_id = $1 AND seen_at >= $2::timestamptz AND (severity = 'info' OR kind = 'parked')`;

/**
 * Compares rows, and keeps what is wrong. What is only for a person to know is dropped, because `reconcile` lists it; so is
 * what waits in quarantine, for which `status` has a line of its own.
 */
export async function compareOnly(
  context: CheckContext,
  client: Client,
  { runId, ...batch }: Batch & { readonly runId: string },
): Promise<Compared> {
  const now = await clockOf(client);
  const compared = await compare(context, client, { runId, ...batch });
  await client.query(DROP_OTHERS, [runId, now]);
  return compared;
}

async function clockOf(client: Client): Promise<string | undefined> {
  return (await client.query<{ now: string }>(NOW)).rows[0]?.now;
}
