import { setTimeout } from 'node:timers/promises';
import { applyConnector } from '../../operations/connector/apply.ts';
import { withPool } from '../databases.ts';
import { HistoryCdc, runHistoryCdc, THIS_CHECKOUT } from '../history-cdc.ts';
import type { Part } from '../part.ts';
import { decidedSoFar } from '../peers/projector.ts';
import { Timeline } from '../timeline.ts';
import { prepareSource, removeConnector } from '../topic.ts';

/** Seconds of each step; the jars had been fetched before. */
export interface FirstRow {
  readonly stackUp: number;
  /** `connector sql`, `migrate` and `connector apply`, until the snapshot is in the topic and a heartbeat has come. */
  readonly connectorApplied: number;
  /** From the start of `project` to the commit of its first decision. */
  readonly projected: number;
}

const ROWS = 1_000;
const POLL_MS = 20;

export const firstRow: Part<FirstRow> = {
  title: 'from `stack up` to the first projected row',
  limitMinutes: 4,
  measure: async (context) => {
    const { stack, signal } = context;
    const dataset = await context.dataset({ name: 'first', rows: ROWS, shape: 'small' });
    const start = Date.now();
    const source = await prepareSource(stack, { name: 'first', database: dataset.database, format: 'avro' });
    const invocation = { folder: THIS_CHECKOUT, settings: source.settings, signal };
    await runHistoryCdc(['migrate'], invocation);
    await applyConnector(source.config, { note: () => undefined });
    const applied = Date.now();
    const projector = new HistoryCdc(['project'], invocation);
    const firstMs = await withPool(source.config.DATABASE_URL, async (pool) => {
      while ((await decidedSoFar(pool)) === 0) await setTimeout(POLL_MS, undefined, { signal });
      return (await Timeline.of(pool, 'history_cdc.ledger')).firstMs;
    });
    await projector.stop();
    await removeConnector(stack, source);
    return {
      stackUp: stack.startSeconds,
      connectorApplied: (applied - start) / 1000,
      projected: (firstMs - applied) / 1000,
    };
  },
};
