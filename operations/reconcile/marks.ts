import type { Client } from '../../lib/postgres.ts';

/** A moment since when it can be told which rows changed (changed-since.ts). */
export interface Mark {
  readonly id: string;
  /** After both snapshots were taken. */
  readonly at: Date;
  readonly canonical: string;
  readonly legacy: string;
}

const LEGACY = 'SELECT pg_current_snapshot()::text AS snapshot';
const RECORD = `
  INSERT INTO history_cdc.mark (canonical, legacy) VALUES (pg_current_snapshot(), $1::pg_snapshot)`;
/** The newest of a longer time stay, so that `--since` finds one; older ones would name most of the rows. */
const FORGET = "DELETE FROM history_cdc.mark WHERE at < clock_timestamp() - interval '7 days'";
const NEWEST_BEFORE = `
  SELECT id::text, at, canonical::text, legacy::text FROM history_cdc.mark
  WHERE at <= $1::timestamptz ORDER BY at DESC LIMIT 1`;
const OLDEST = 'SELECT min(at) AS at FROM history_cdc.mark';

/** The snapshot of the legacy database, for `recordMark`. */
export async function legacySnapshot(legacy: Client): Promise<string> {
  return (await legacy.query<{ snapshot: string }>(LEGACY)).rows[0]?.snapshot ?? '';
}

/** Records that `--since` may begin here. */
export async function recordMark(canonical: Client, legacy: string): Promise<void> {
  await canonical.query(RECORD, [legacy]);
  await canonical.query(FORGET);
}

/** The newest mark at or before the moment: what changed since the moment changed since the mark. */
export async function markBefore(canonical: Client, moment: Date): Promise<Mark | undefined> {
  return (await canonical.query<Mark>(NEWEST_BEFORE, [moment])).rows[0];
}

export async function oldestMark(canonical: Client): Promise<Date | null> {
  return (await canonical.query<{ at: Date | null }>(OLDEST)).rows[0]?.at ?? null;
}
