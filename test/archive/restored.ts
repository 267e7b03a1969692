import { createPool, type Pool } from '../../lib/postgres.ts';
import { identifier } from '../../lib/quoting.ts';
import type { Manifest } from '../../operations/archive/manifest.ts';
import { restoreTable, type Restored } from '../../operations/archive/restore.ts';
import { quotedPlace, type Place } from '../../operations/archive/restored-table.ts';
import type { ArchiveWorld } from './archived.ts';

const SIGNAL = new AbortController().signal;

/** Restores into the database of the world, or into the one that is given. */
export async function restored(
  { target, legacy }: Pick<ArchiveWorld, 'target' | 'legacy'>,
  manifest: Manifest,
  { place, pool = legacy }: { readonly place: Place; readonly pool?: Pool },
): Promise<Restored> {
  return await restoreTable({ target, manifest, pool, place, signal: SIGNAL, progress: () => undefined });
}

export async function withCopyPool<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool({ url, name: 'restore test', connections: 1, copies: true });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

/** Every row as one text, NULL told from '' and from 'NULL'; shares no code with what is tested. */
export async function rowsOf(pool: Pool, place: Place): Promise<string[]> {
  const { rows: columns } = await pool.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [quotedPlace(place)],
  );
  const texts = columns.map(({ name }) => `${identifier(name)}::text`).join(', ');
  const { rows } = await pool.query<{ row: string }>(
    `SELECT to_json(ARRAY[${texts}])::text AS row FROM ${quotedPlace(place)} ORDER BY 1`,
  );
  return rows.map(({ row }) => row);
}

export const LEGACY: Place = { schema: 'public', table: 'agent_test_history' };
