import type { Client } from '../lib/postgres.ts';
import type { Position } from '../lib/position.ts';

const PARKED = `
  SELECT "offset" FROM history_cdc.quarantine WHERE topic_id = $1 AND partition = $2 AND "offset" = ANY ($3)`;

/**
 * The offsets, of these positions of one partition, whose records lie in quarantine already. The ledger does not know
 * them all: a record without a key has no entry, and one that would take an owner decision back leaves no mark on it.
 */
export async function parkedBefore(
  client: Client,
  positions: readonly Position[],
): Promise<ReadonlySet<bigint>> {
  const [first] = positions;
  if (first === undefined) return new Set();
  const offsets = positions.map(({ offset }) => offset);
  const { rows } = await client.query<{ offset: string }>(PARKED, [first.topicId, first.partition, offsets]);
  return new Set(rows.map(({ offset }) => BigInt(offset)));
}
