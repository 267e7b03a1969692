import { inTransaction, type Pool } from '../../lib/postgres.ts';
import { withPool } from '../databases.ts';
import type { Dataset } from '../dataset.ts';
import { BULK_INSERT } from '../peers/bulk-insert.ts';
import { copyChunk, idsInOrder } from '../peers/earlier-script.ts';
import type { BenchStack } from '../stack.ts';
import { countRuns, MERGE_CONTEXT, seenInCanonical, type Seen } from './seen.ts';

export async function bulkOnCases(stack: BenchStack, dataset: Dataset): Promise<Seen[]> {
  return await onCopy(stack, dataset, async (pool) => {
    await pool.query(BULK_INSERT);
    await mergeContexts(pool);
    const seen = await seenInCanonical(pool, 'bulk insert');
    const before = await countRuns(pool);
    await pool.query(BULK_INSERT);
    const added = (await countRuns(pool)) - before;
    const what = added === 0 ? 'none added' : `run again: ${String(added)} rows doubled`;
    return [...seen, { peer: 'bulk insert', case: 'redelivery', good: added === 0, what }];
  });
}

export async function scriptOnCases(stack: BenchStack, dataset: Dataset): Promise<Seen[]> {
  const seen = await onCopy(stack, dataset, async (pool) => {
    await copyChunk(pool, await idsInOrder(pool));
    await mergeContexts(pool);
    // A second run, as it would find the rows that have changed.
    await copyChunk(pool, await idsInOrder(pool));
    return await seenInCanonical(pool, 'earlier script');
  });
  return [...seen, await onCopy(stack, dataset, scriptTwice)];
}

/** Again, and twice at once: the second session cannot see what the first has not committed. */
async function scriptTwice(pool: Pool): Promise<Seen> {
  const ids = await idsInOrder(pool);
  const empty = await countRuns(pool);
  await copyChunk(pool, ids);
  const once = await countRuns(pool);
  await copyChunk(pool, ids);
  const again = (await countRuns(pool)) - once;
  await pool.query("DELETE FROM agent_compliance_runs WHERE observations_json ? 'backfill_source'");
  await inTransaction(pool, async (first) => {
    await copyChunk(first, ids);
    await inTransaction(pool, (second) => copyChunk(second, ids));
  });
  const doubled = (await countRuns(pool)) - once;
  return {
    peer: 'earlier script',
    case: 'redelivery',
    good: again === 0 && doubled === 0,
    what: `run again: ${String(again)} added; two runs at once: ${String(doubled)} of ${String(once - empty)} doubled`,
  };
}

async function mergeContexts(pool: Pool): Promise<void> {
  for (const name of ['large jsonb', 'large text']) await pool.query(MERGE_CONTEXT, [name]);
}

async function onCopy<T>(stack: BenchStack, dataset: Dataset, work: (pool: Pool) => Promise<T>): Promise<T> {
  return await stack.databases.withCopy(dataset.database, (copy) =>
    withPool(stack.databases.urlOf(copy), work),
  );
}
