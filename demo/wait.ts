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
  /** What is waited for, for the error. */
  readonly what: string;
  readonly signal: AbortSignal;
  readonly measure: () => Promise<Distance>;
  readonly progress?: (done: number, total: number) => void;
}

const POLL_MS = 100;
const STALLED_AFTER_MS = 60_000;

/** Waits until all is done; gives up when nothing has moved for a minute, however long the whole may take. */
export async function untilDone({ what, signal, measure, progress }: Wait): Promise<void> {
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
    } else if (Date.now() - movedAt > STALLED_AFTER_MS) {
      throw new FatalError({
        code: 'DEMO_FAILED',
        message: `${what}: ${String(done)} of ${String(total)}, and nothing has moved for ${String(STALLED_AFTER_MS / 1000)} s`,
        wayOut:
          'run it again with --keep, and look at `history-cdc connector status` (HISTORY_CDC_STACK names the stack) and at the logs in .stack/instances',
      });
    }
    await setTimeout(POLL_MS, undefined, { signal });
  }
}

/** Records in the topic; none where there is no such topic, or not yet a leader of it. */
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

/** How far the stored offsets are behind the end of the topic. */
export async function projectedOf(pool: Pool, cluster: KafkaCluster, topic: string): Promise<Distance> {
  const total = await recordsIn(cluster, topic);
  const { rows } = await pool.query<{ done: number }>(
    'SELECT coalesce(sum(next_offset), 0)::float8 AS done FROM history_cdc.consumer_offset',
  );
  return { done: rows[0]?.done ?? 0, total };
}

/** How many of the live rows that came late have taken their place. */
export async function absorbedOf(pool: Pool): Promise<Distance> {
  const { rows } = await pool.query<Distance>(
    `SELECT count(*) FILTER (WHERE l.decision = 'twin')::integer AS done, count(*)::integer AS total
     FROM demo.late_live_run JOIN history_cdc.ledger l USING (legacy_id)`,
  );
  return rows[0] ?? { done: 0, total: 0 };
}

/** How many of the projected rows have been named by the sweeper: of the history, or stragglers of the window. */
export async function namedOf(pool: Pool): Promise<Distance> {
  const { rows } = await pool.query<Distance>(
    `SELECT count(*) FILTER (WHERE reason <> 'owner')::integer AS done, count(*)::integer AS total
     FROM history_cdc.ledger WHERE decision = 'projected'`,
  );
  return rows[0] ?? { done: 0, total: 0 };
}

/** The end of what is committed now, in bytes of WAL. */
export async function walPosition(pool: Pool): Promise<number> {
  return await walBytes(pool, 'SELECT (pg_current_wal_lsn() - $1::pg_lsn)::float8 AS bytes', '0/0');
}

/** Up to where Debezium has told the slot that Kafka has everything, in bytes of WAL. */
export async function confirmedPosition(pool: Pool, slot: string): Promise<number> {
  const sql = `SELECT (confirmed_flush_lsn - '0/0'::pg_lsn)::float8 AS bytes FROM pg_replication_slots WHERE slot_name = $1`;
  return await walBytes(pool, sql, slot);
}

async function walBytes(pool: Pool, sql: string, value: string): Promise<number> {
  const { rows } = await pool.query<{ bytes: number | null }>(sql, [value]);
  return rows[0]?.bytes ?? 0;
}
