import { sqlFile } from '../../lib/sql-file.ts';
import { withPool } from '../databases.ts';
import type { Dataset } from '../dataset.ts';
import type { Part } from '../part.ts';
import { bulkOnCases, scriptOnCases } from '../cases/in-postgres.ts';
import { streamOnCases } from '../cases/from-topic.ts';
import type { Seen } from '../cases/seen.ts';

/** What each peer did with each hard case, as it was seen. */
export type Correctness = readonly Seen[];

const CASES = sqlFile(import.meta.url, '../sql/cases.sql');
const ORDINARY_ROWS = 20;

export const correctness: Part<Correctness> = {
  title: 'what each peer does with the hard cases',
  limitMinutes: 4,
  measure: async (context) => {
    const { stack } = context;
    const dataset: Dataset = await context.dataset({ name: 'cases', rows: ORDINARY_ROWS, shape: 'small' });
    await withPool(stack.databases.urlOf(dataset.database), (pool) => pool.query(CASES));
    return [
      ...(await bulkOnCases(stack, dataset)),
      ...(await scriptOnCases(stack, dataset)),
      ...(await streamOnCases(context, dataset)),
    ];
  },
};
