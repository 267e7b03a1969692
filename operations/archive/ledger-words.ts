import { PlainArray } from '../../lib/array-parameter.ts';
import type { Client } from '../../lib/postgres.ts';
import type { LedgerWord } from './month-hashes.ts';

const LOOK_UP = `
  SELECT legacy_id::text AS id, decision, reason, canonical_run_id::text AS run_id
  FROM history_cdc.ledger
  WHERE legacy_id = ANY ($1::uuid[])`;

interface Found {
  readonly id: string;
  readonly decision: string;
  readonly reason: string;
  readonly run_id: string | null;
}

export const NOTHING: LedgerWord = { decision: null, reason: null, canonicalRunId: null };

/** What the ledger says of these rows, by id; a row of which it says nothing is not in the map. */
export async function readLedgerWords(
  ledger: Client,
  ids: readonly string[],
): Promise<ReadonlyMap<string, LedgerWord>> {
  const { rows } = await ledger.query<Found>(LOOK_UP, [new PlainArray(ids)]);
  return new Map(
    rows.map(({ id, decision, reason, run_id }) => [id, { decision, reason, canonicalRunId: run_id }]),
  );
}

/** Joins portions of rows with the ledger, which may be on another server. The look-up of the next portion runs ahead. */
export async function* withLedgerWords<Row extends { readonly id: string }>(
  ledger: Client,
  portions: AsyncIterable<readonly Row[]>,
): AsyncGenerator<(readonly [Row, LedgerWord])[]> {
  const join = async (rows: readonly Row[]) => {
    const words = await readLedgerWords(
      ledger,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => [row, words.get(row.id) ?? NOTHING] as const);
  };
  let ahead: ReturnType<typeof join> | undefined;
  for await (const rows of portions) {
    const next = join(rows);
    next.catch(() => undefined);
    if (ahead !== undefined) yield await ahead;
    ahead = next;
  }
  if (ahead !== undefined) yield await ahead;
}
