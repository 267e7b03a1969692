import { PlainArray } from '../../lib/array-parameter.ts';
import type { Client } from '../../lib/postgres.ts';
import type { Databases, Snapshot } from './snapshot.ts';

const NOT_DELETED = 'SELECT count(*)::text AS rows FROM history_cdc.ledger WHERE source_deleted_at IS NULL';
const CHUNK = `
  SELECT legacy_id::text AS id FROM history_cdc.ledger
  WHERE source_deleted_at IS NULL AND ($1::uuid IS NULL OR legacy_id > $1::uuid)
  ORDER BY legacy_id
  LIMIT 10000`;
const ABSENT = `
  SELECT e.id::text AS id FROM unnest($1::uuid[]) AS e (id)
  WHERE NOT EXISTS (SELECT FROM public.agent_test_history t WHERE t.id = e.id)`;
const STILL_NOT_DELETED =
  'SELECT legacy_id::text AS id FROM history_cdc.ledger WHERE legacy_id = ANY ($1::uuid[]) AND source_deleted_at IS NULL';

/**
 * Rows that the ledger has as not deleted and that the table does not have, so no archive of the table has them either. If the counts
 * agree there are none: every row of the table with a decision was counted by its key. Otherwise the ledger is gone through in chunks.
 */
export async function findLedgerOnly({ ledger, legacy }: Snapshot, decided: number): Promise<string[]> {
  const { rows: counted } = await ledger.query<{ rows: string }>(NOT_DELETED);
  if (counted[0]?.rows === String(decided)) return [];
  const found: string[] = [];
  for (let after: string | null = null; ;) {
    const chunk: { id: string }[] = (await ledger.query<{ id: string }>(CHUNK, [after])).rows;
    const last = chunk.at(-1);
    if (last === undefined) return found;
    found.push(
      ...(await absent(
        legacy,
        chunk.map(({ id }) => id),
      )),
    );
    after = last.id;
  }
}

/**
 * Those for which it is so at a later moment, too: the two snapshots were not taken at the same moment, and a row may have come, or
 * gone, between them.
 */
export async function confirmLedgerOnly(
  { canonical, legacy }: Databases,
  ids: readonly string[],
): Promise<string[]> {
  if (ids.length === 0) return [];
  const { rows } = await canonical.query<{ id: string }>(STILL_NOT_DELETED, [new PlainArray(ids)]);
  return await absent(
    legacy,
    rows.map(({ id }) => id),
  );
}

async function absent(legacy: Client, ids: readonly string[]): Promise<string[]> {
  const { rows } = await legacy.query<{ id: string }>(ABSENT, [new PlainArray(ids)]);
  return rows.map(({ id }) => id);
}
