import type { Client } from '../../lib/postgres.ts';

/** Parked records that are not healed. */
export interface ParkedFacts {
  readonly open: readonly string[];
  readonly openCount: number;
  readonly waived: readonly { readonly id: string; readonly by: string; readonly reason: string }[];
}

const SHOWN = 100;
const PARKED = `
  SELECT id::text, waived_by AS by, waive_reason AS reason, count(*) FILTER (WHERE waived_at IS NULL) OVER ()::integer AS open
  FROM history_cdc.quarantine WHERE healed_at IS NULL ORDER BY id`;

interface Parked {
  readonly id: string;
  readonly by: string | null;
  readonly reason: string | null;
  readonly open: number;
}

export async function readParked(client: Client): Promise<ParkedFacts> {
  const { rows } = await client.query<Parked>(PARKED);
  return {
    open: rows.flatMap(({ id, by }) => (by === null ? [id] : [])).slice(0, SHOWN),
    openCount: rows[0]?.open ?? 0,
    waived: rows.flatMap(({ id, by, reason }) => (by === null ? [] : [{ id, by, reason: reason ?? '' }])),
  };
}
