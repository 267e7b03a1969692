/**
 * Makes the legacy table elsewhere, from the archive alone: types, columns, rows, defaults, constraints and indexes. All of it
 * is one transaction, which commits only after Postgres's own hashes of the new rows are those of the archive. So a restore
 * that ends early, by an error or by a kill, leaves nothing behind.
 */
import { FatalError } from '../../lib/errors.ts';
import { inDryRun, inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { loadRows } from './load-rows.ts';
import type { Manifest } from './manifest.ts';
import { proveRestored } from './prove-restored.ts';
import { finishTable, loadedColumns, makeTable, type LeftOut, type Place } from './restored-table.ts';
import type { Target } from './target.ts';

export interface RestoreContext {
  readonly target: Target;
  readonly manifest: Manifest;
  /** A pool that `copies`, of the database that gets the table. */
  readonly pool: Pool;
  readonly place: Place;
  readonly signal: AbortSignal;
  readonly progress: (rows: number, total: number) => void;
}

export interface Restored {
  readonly rows: number;
  /** What the new table lacks of the old one, beside grants, comments and policies, which are in no archive. */
  readonly leftOut: readonly LeftOut[];
}

/** Makes the table, loads nothing, and rolls all of it back: tells what would be left out, and what would refuse it. */
export async function planRestore({ pool, manifest, place }: RestoreContext): Promise<Restored> {
  return await refusing(place, () =>
    inDryRun(pool, async (client) => {
      await begin(client, place);
      const made = await makeTable(client, manifest.table, place);
      const finished = await finishTable(client, manifest.table, place);
      return { rows: manifest.rows, leftOut: [...made, ...finished] };
    }),
  );
}

export async function restoreTable(context: RestoreContext): Promise<Restored> {
  const { pool, target, manifest, place, signal, progress } = context;
  let done = 0;
  const onRows = (rows: number) => {
    done += rows;
    progress(done, manifest.rows);
  };
  return await refusing(place, () =>
    inTransaction(pool, async (client) => {
      await begin(client, place);
      const made = await makeTable(client, manifest.table, place);
      const columns = loadedColumns(manifest.table.columns, made);
      await loadRows(client, { target, manifest, place, columns, signal, onRows });
      await proveRestored(client, manifest, place);
      const finished = await finishTable(client, manifest.table, place);
      return { rows: manifest.rows, leftOut: [...made, ...finished] };
    }),
  );
}

const EXISTS = "SELECT to_regclass(format('%I.%I', $1::text, $2::text)) IS NOT NULL AS there";

async function begin(client: Client, { schema, table }: Place): Promise<void> {
  // A load takes as long as the table is large. It holds no lock that anybody else needs.
  await client.query("SET LOCAL statement_timeout = '6h'");
  await client.query("SET LOCAL idle_in_transaction_session_timeout = '2h'");
  const { rows } = await client.query<{ there: boolean }>(EXISTS, [schema, table]);
  if (rows[0]?.there !== false) throw exists({ schema, table });
}

const DUPLICATE_TABLE = '42P07';

/** Somebody may make a table of that name between the look and our own. */
async function refusing<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw sqlState(error) === DUPLICATE_TABLE ? exists(place) : error;
  }
}

function exists({ schema, table }: Place): FatalError {
  return new FatalError({
    code: 'RESTORE_EXISTS',
    message: `${schema}.${table} is there already; nothing was restored`,
    wayOut: 'name another table with --as schema.table, or another database with RESTORE_DATABASE_URL',
  });
}
