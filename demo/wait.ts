import { setTimeout } from 'node:timers/promises';
import { FatalError } from '../lib/errors.ts';
import { KafkaJSError } from '../lib/kafka.ts';
import type { KafkaCluster } from '../lib/kafka-cluster.ts';
import type { Pool } from '../lib/postgres.ts';

export interface Distance {
  readonly done: number;
  readonly total: number;
}

export interface Wait {
  /** Names in the error what the demo waits for. */
  readonly what: string;
  readonly signal: AbortSignal;
  readonly measure: () => Promise<Distance>;
  readonly progress?: (done: number, total: number) => void;
  /** After how long without movement it gives up. */
  readonly stalledAfterMs?: number;
}

const POLL_MS = 100;
const STALLED_AFTER_MS = 60_000;

/** Waits until all is done. It gives up only if nothing has moved for a minute (by default): the whole may take any time. */
export async function untilDone({
  what,
  signal,
  measure,
  progress,
  stalledAfterMs = STALLED_AFTER_MS,
}: Wait): Promise<void> {
  let furthest = -1;
  let movedAt = Date.now();
  for (;;) {
    signal.throwIfAborted();
    const { done, total } = await measure();
    progress?.(done, total);
    if (done >= total) return;
    if (done > furthest) {
      furthest = done;
      movedAt = Date.now();
    } else if (Date.now() - movedAt > stalledAfterMs) {
      throw new FatalError({
        code: 'DEMO_FAILED',
        message: `${what}: ${String(done)} of ${String(total)}, and nothing has moved for ${String(stalledAfterMs / 1000)} s`,
        wayOut:
          'run it again with --keep, and look at `history-cdc connector status` (HISTORY_CDC_STACK names the stack) and at the logs in .stack/instances',
      });
    }
    await setTimeout(POLL_MS, undefined, { signal });
  }
}

/** The number of records in the topic; 0 if the topic does not exist, or has no leader yet. */
export async function recordsIn(cluster: KafkaCluster, topic: string): Promise<number> {
  if (!(await cluster.listTopics()).includes(topic)) return 0;
  try {
    const watermarks = await cluster.watermarks(topic);
    return Number([...watermarks.values()].reduce((sum, { high }) => sum + high, 0n));
  } catch (error) {
    if (error instanceof KafkaJSError && error.retriable) return 0;
    throw error;
  }
}

/** The number of records between the stored offsets and the end of the topic. */
export async function projectedOf(pool: Pool, cluster: KafkaCluster, topic: string): Promise<Distance> {
  const total = await recordsIn(cluster, topic);
  const { rows } = await pool.query<{ done: number }>(
    'SELECT coalesce(sum(next_offset), 0)::float8 AS done FROM history_cdc.consumer_offset',
  );
  return { done: rows[0]?.done ?? 0, total };
}

/** The number of late live rows that have replaced our rows. */
export async function absorbedOf(pool: Pool): Promise<Distance> {
  const { rows } = await pool.query<Distance>(
    `SELECT count(*) FILTER (WHERE l.decision = 'twin')::integer AS done, count(*)::integer AS total
     FROM demo.late_live_run JOIN history_cdc.ledger l USING (legacy_id)`,
  );
  return rows[0] ?? { done: 0, total: 0 };
}

/**
 * The number of projected rows to which the sweeper has given a reason: of the history, or stragglers of the window.
 */
export async function namedOf(pool: Pool): Promise<Distance> {
  const { rows } = await pool.query<Distance>(
    `SELECT count(*) FILTER (WHERE reason <> 'owner')::integer AS done, count(*)::integer AS total
     FROM history_cdc.ledger WHERE decision = 'projected'`,
  );
  return rows[0] ?? { done: 0, total: 0 };
}

/** The current end of the WAL, in bytes. */
export async function walPosition(pool: Pool): Promise<number> {
  return await walBytes(pool, 'SELECT (pg_current_wal_lsn() - $1::pg_lsn)::float8 AS bytes', '0/0');
}

/** The slot's confirmed position, in bytes of WAL. Kafka has everything before it. */
export async function confirmedPosition(pool: Pool, slot: string): Promise<number> {
  const sql = `SELECT (confirmed_flush_lsn - '0/0'::pg_lsn)::float8 AS bytes FROM pg_replication_slots WHERE slot_name = $1`;
  return await walBytes(pool, sql, slot);
}

async function walBytes(pool: Pool, sql: string, value: string): Promise<number> {
  const { rows } = await pool.query<{ bytes: number | null }>(sql, [value]);
  return rows[0]?.bytes ?? 0;
}
