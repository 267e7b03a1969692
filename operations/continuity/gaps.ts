import type { Client } from '../../lib/postgres.ts';
import type { Break, BreakKind } from './judge.ts';

/** A break that is not closed; `bigint` ids are text. */
export interface Gap {
  readonly id: string;
  readonly topicId: string;
  readonly kind: BreakKind;
  readonly evidence: string;
  readonly openedAt: Date;
  /** Null until a person has accepted that the stream goes on behind it. */
  readonly acceptedAt: Date | null;
}

const COLUMNS = `id::text, topic_id AS "topicId", kind, evidence, opened_at AS "openedAt", accepted_at AS "acceptedAt"`;
const OPEN = `SELECT ${COLUMNS} FROM history_cdc.gap WHERE closed_at IS NULL ORDER BY id`;

/** Of every topic that was ever projected: one that a whole new topic has followed counts until it is proven, too. */
export async function openGaps(client: Client): Promise<readonly Gap[]> {
  return (await client.query<Gap>(OPEN)).rows;
}

/**
 * One open gap a topic and kind. Where one is open that was accepted, this is a new break behind it: it must be accepted
 * again, and what was read again before proves nothing any more.
 */
const OPEN_GAP = `
  INSERT INTO history_cdc.gap AS g (topic_id, kind, evidence)
  SELECT topic_id, $2, $3 FROM history_cdc.topic WHERE topic_id = $1
  ON CONFLICT (topic_id, kind) WHERE closed_at IS NULL DO UPDATE
    SET evidence = CASE WHEN g.accepted_at IS NULL THEN g.evidence ELSE g.evidence || '; and again: ' || excluded.evidence END,
        opened_at = CASE WHEN g.accepted_at IS NULL THEN g.opened_at ELSE clock_timestamp() END,
        accepted_at = NULL, accepted_xmax = NULL
  RETURNING ${COLUMNS}`;

/** Returns the open gaps for these breaks. It returns none if the ledger does not know the topic. */
export async function openGapsFor(
  client: Client,
  topicId: string,
  breaks: readonly Break[],
): Promise<readonly Gap[]> {
  const gaps: Gap[] = [];
  for (const { kind, evidence } of breaks)
    gaps.push(...(await client.query<Gap>(OPEN_GAP, [topicId, kind, evidence])).rows);
  return gaps;
}

const ACCEPT = `
  UPDATE history_cdc.gap SET accepted_at = clock_timestamp(), accepted_xmax = $2::xid8
  WHERE id = $1 AND closed_at IS NULL AND accepted_at IS NULL`;

/** `xmax`: of the legacy database, as `pg_snapshot_xmax(pg_current_snapshot())` gives it. */
export async function markAccepted(client: Client, id: string, xmax: string | null): Promise<void> {
  await client.query(ACCEPT, [id, xmax]);
}

const ACCEPT_OLDER = `
  UPDATE history_cdc.gap SET accepted_at = clock_timestamp(), accepted_xmax = $2::xid8
  WHERE topic_id <> $1 AND closed_at IS NULL AND accepted_at IS NULL`;

/** Whoever accepts a new topic, which begins with a whole snapshot, accepts the gaps of those before it. */
export async function markOlderAccepted(client: Client, topicId: string, xmax: string | null): Promise<void> {
  await client.query(ACCEPT_OLDER, [topicId, xmax]);
}

const CLOSABLE = `
  SELECT clock_timestamp()::text AS at, coalesce(json_agg(id::text ORDER BY id) FILTER (WHERE
    closed_at IS NULL AND accepted_at IS NOT NULL AND coalesce(accepted_xmax <= $1::xid8, kind <> 'publication')), '[]') AS ids
  FROM history_cdc.gap`;
const XMIN = 'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin';

export interface Closable {
  readonly ids: readonly string[];
  /** By the clock of the canonical database: a comparison that began before this closes nothing. */
  readonly at: string;
}

/**
 * The gaps that a comparison which begins now can close: those that are accepted, so that what breaks afterwards is a
 * break of its own, and around which no transaction of the legacy database is open any more. A row that was written before
 * a publication was made, and is committed after it, is neither streamed nor seen by whoever reads before the commit.
 */
export async function closableGaps(canonical: Client, legacy: Client): Promise<Closable> {
  const { rows } = await legacy.query<{ xmin: string }>(XMIN);
  const closable = await canonical.query<Closable>(CLOSABLE, [rows[0]?.xmin ?? '0']);
  return closable.rows[0] ?? { ids: [], at: 'infinity' };
}

const CLOSE = `
  UPDATE history_cdc.gap g SET closed_at = clock_timestamp(), closed_by = 'reconcile ' || r.id
  FROM history_cdc.reconcile_run r
  WHERE r.id = $1 AND r.verdict = 'proven' AND r.started_at >= $3::timestamptz
    AND g.id = ANY ($2) AND g.closed_at IS NULL AND g.accepted_at < r.started_at
  RETURNING g.id::text`;

/**
 * A gap is closed by one thing: a run of `reconcile` that began after it was accepted, and proves that every legacy row
 * has its decision and its content. A re-read of the table (`snapshot start`) is what brings the rows that were missing;
 * that it was complete would prove them there, but not that an update was not lost, so the proof is the comparison's.
 */
export async function closeGaps(
  canonical: Client,
  runId: string,
  { ids, at }: Closable,
): Promise<readonly string[]> {
  const { rows } = await canonical.query<{ id: string }>(CLOSE, [runId, ids, at]);
  return rows.map(({ id }) => id);
}
