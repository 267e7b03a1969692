import type { Config } from '../../../lib/config.ts';
import type { Client } from '../../../lib/postgres.ts';
import { QuarantineBreaker, type EarlierParked, type Fate, type Parked } from './quarantine-breaker.ts';

const COUNTED = `
  UPDATE history_cdc.quarantine q
  SET breaker_position = (
    SELECT coalesce(sum(o.next_offset), 0)::bigint + q."offset" + 1
    FROM history_cdc.consumer_offset o
    WHERE o.topic_id = q.topic_id AND o.partition <> q.partition)
  FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS p (topic_id, partition, "offset")
  WHERE q.topic_id = p.topic_id AND q.partition = p.partition AND q."offset" = p."offset"`;

/**
 * Records in the transaction that parks records where they stand in the breaker's window, so that the next process
 * counts them too. A batch that parks nothing costs no statement.
 */
export async function recordCounted(client: Client, fates: readonly Fate[]): Promise<void> {
  const positions = fates.flatMap((fate) => (fate === null ? [] : [fate.position]));
  if (positions.length === 0) return;
  await client.query(COUNTED, [
    positions.map(({ topicId }) => topicId),
    positions.map(({ partition }) => partition),
    positions.map(({ offset }) => offset),
  ]);
}

const EARLIER = `
  WITH now AS (
    SELECT coalesce(sum(next_offset), 0)::bigint AS position FROM history_cdc.consumer_offset WHERE topic_id = $1
  )
  SELECT q.partition, q."offset", q.reason, q.detail,
         greatest(now.position - q.breaker_position, 0)::integer AS "recordsSince"
  FROM history_cdc.quarantine q, now
  WHERE q.topic_id = $1 AND q.healed_at IS NULL AND q.waived_at IS NULL
    AND q.breaker_position > now.position - $2
  ORDER BY q.breaker_position, q.partition, q."offset"`;

const ACCEPT = `
  UPDATE history_cdc.quarantine SET breaker_position = NULL
  WHERE topic_id = $1 AND healed_at IS NULL AND breaker_position IS NOT NULL`;

interface Starting {
  readonly config: Pick<Config, 'QUARANTINE_MAX_SHARE' | 'QUARANTINE_WINDOW'>;
  readonly mode: 'project' | 'replay';
  readonly dryRun: boolean;
}

/**
 * The breaker of a projector that starts. It continues with the window that the ledger has: the records that were
 * parked among the last `window` records of all partitions, by any projector, and that are neither healed nor waived.
 * Without it, a supervisor that restarts the projector would park the share of another window with each start.
 *
 * A projector that starts with a share of 1 and commits accepts what the breaker has counted so far, because a person
 * asked for it. A later start does not count those records again. A replay has a window of its own, because it meets the
 * records of another time.
 */
export async function breakerOf(
  client: Client,
  topicId: string,
  { config, mode, dryRun }: Starting,
): Promise<QuarantineBreaker> {
  const limits = { maxShare: config.QUARANTINE_MAX_SHARE, window: config.QUARANTINE_WINDOW };
  if (mode === 'replay') return new QuarantineBreaker(limits);
  if (limits.maxShare < 1)
    return new QuarantineBreaker(limits, await parkedEarlier(client, topicId, limits.window));
  if (!dryRun) await client.query(ACCEPT, [topicId]);
  return new QuarantineBreaker(limits);
}

async function parkedEarlier(client: Client, topicId: string, window: number): Promise<EarlierParked[]> {
  const { rows } = await client.query<
    { partition: number; offset: string; recordsSince: number } & Pick<Parked, 'reason' | 'detail'>
  >(EARLIER, [topicId, window]);
  return rows.map(({ partition, offset, reason, detail, recordsSince }) => ({
    parked: { position: { topicId, partition, offset: BigInt(offset) }, reason, detail },
    recordsSince,
  }));
}
