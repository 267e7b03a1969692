import { sqlFile } from '../../lib/sql-file.ts';
import { withPool } from '../databases.ts';
import type { Dataset } from '../dataset.ts';
import { measuredStatements, type Measurement } from '../measurement.ts';
import { Meter } from '../meter.ts';
import type { BenchStack } from '../stack.ts';

export const BULK_INSERT = sqlFile(import.meta.url, './sql/bulk-insert.sql');

/** The limit: one statement inside Postgres, on a fresh copy of the database. */
export async function insertInBulk(stack: BenchStack, dataset: Dataset): Promise<Measurement> {
  return await stack.databases.withCopy(dataset.database, async (copy) => {
    return await withPool(stack.databases.urlOf(copy), async (pool) => {
      await pool.query('SELECT');
      const meter = new Meter(stack.servers);
      const startedMs = Date.now();
      await pool.query(BULK_INSERT);
      const seconds = (Date.now() - startedMs) / 1000;
      meter.stop();
      return measuredStatements({ peer: 'bulk insert', meter, startedMs, seconds, rows: dataset.rows });
    });
  });
}
