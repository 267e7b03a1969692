import type { Client } from '../../../lib/postgres.ts';
import type { Position } from '../../../lib/position.ts';

const PARKED = `
  SELECT q.partition, q."offset"
  FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS p (topic_id, partition, "offset")
  JOIN history_cdc.quarantine q USING (topic_id, partition, "offset")`;

/**
 * Returns those of the positions whose records are in quarantine already, as `formatPosition` writes them. The ledger
 * alone cannot tell: a record without a key has no ledger entry, and an owner decision keeps no trace of a parked
 * record.
 */
export async function parkedBefore(
  client: Client,
  positions: readonly Position[],
): Promise<ReadonlySet<string>> {
  if (positions.length === 0) return new Set();
  const { rows } = await client.query<{ partition: number; offset: string }>(PARKED, [
    positions.map(({ topicId }) => topicId),
    positions.map(({ partition }) => partition),
    positions.map(({ offset }) => offset),
  ]);
  return new Set(rows.map(({ partition, offset }) => `${String(partition)}:${offset}`));
}
