import { closableGaps, closeGaps } from '../continuity/gaps.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import { assertFresh, lastReport, reportOf } from '../reconcile/report.ts';
import { readTopicEnds } from '../reconcile/topic-ends.ts';
import { repair } from '../repair/repair.ts';
import type { Outcome, Running } from './commands.ts';
import { checkContextOf, measuredContext } from './pipeline-context.ts';
import { withDatabasesOf } from './with-databases.ts';

/** As `reconcile` without options. */
const SETTLE_SECONDS = 30;
const CHUNK_ROWS = 10_000;

export async function reconcileAll(running: Running): Promise<Outcome> {
  return await withDatabasesOf(running, 'reconcile', async (databases) => {
    const { canonical, legacy, config } = databases;
    const closable = await closableGaps(canonical, legacy);
    const run = await reconcile({
      canonical,
      ...checkContextOf(databases),
      ...{
        settleSeconds: SETTLE_SECONDS,
        chunkRows: CHUNK_ROWS,
        sourceIsQuiet: false,
        accepted: [],
        fresh: false,
      },
      stream: { legacy, slot: config.SLOT_NAME, topicEnds: () => readTopicEnds(config) },
      signal: running.signal,
      onProgress: () => undefined,
      onResume: () => undefined,
    });
    const closed = await closeGaps(canonical, run.id, closable);
    const { verdict, gaps } = await reportOf(canonical, run);
    const good = verdict === 'proven' && gaps.length === 0;
    return { event: good ? 'done' : 'no', result: { run: run.id, verdict, closedGaps: closed } };
  });
}

/** Of the findings of the last run. Without `applies`, everything is rolled back. */
export async function repairLast(running: Running): Promise<Outcome> {
  return await withDatabasesOf(running, 'reconcile --repair', async (databases) => {
    const { by, applies } = running;
    const report = await lastReport(databases.canonical);
    assertFresh(report);
    const context = {
      ...(await measuredContext(databases, { writes: applies })),
      ...checkContextOf(databases),
      by,
    };
    const { repaired, left, changes } = await repair(context, report.run.id, applies);
    const result = { run: report.run.id, repaired, left: Object.fromEntries(left), changes };
    return { event: left.size === 0 ? 'done' : 'no', result };
  });
}
