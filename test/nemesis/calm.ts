import { setTimeout } from 'node:timers/promises';
import { runChecks, type Check } from '../../demo/check.ts';
import { runAgain, type Surroundings } from '../../demo/phases.ts';
import {
  absorbedOf,
  confirmedPosition,
  namedOf,
  projectedOf,
  untilDone,
  walPosition,
  type Distance,
} from '../../demo/wait.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { lookByReconcile, lookByStatus, type LooksOptions } from './looks.ts';

/** After the storm, everything must have been projected within this time without any movement. */
const STALLED_AFTER_MS = 300_000;
/** Stragglers and weak pairs, which the application makes, always want somebody's attention. */
const GOOD = new Set(['good', 'attention', 'proven']);
const GOOD_WITHIN_MS = 420_000;

/** Waits until everything that was written is projected, although no server has fault any more. */
export async function untilCalm(run: Surroundings, note: (what: string) => void): Promise<void> {
  const { pool, signal, stack, topic } = run;
  const end = await walPosition(pool);
  const slot = async () => ({ done: await confirmedPosition(pool, stack.config.SLOT_NAME), total: end });
  // The connection of before the storm may belong to a broker that was killed.
  const cluster = await KafkaCluster.connect(stack.config, createLogger('silent'));
  const waits: readonly (readonly [string, () => Promise<Distance>])[] = [
    ['the WAL is in Kafka', slot],
    ['the topic is projected', () => projectedOf(pool, cluster, topic)],
    ['late live rows are absorbed', () => absorbedOf(pool)],
    ['projected rows have a reason', () => namedOf(pool)],
  ];
  try {
    for (const [what, measure] of waits) {
      await untilDone({ what, signal, measure, stalledAfterMs: STALLED_AFTER_MS });
      note(what);
    }
  } finally {
    await cluster.close();
  }
}

/** Asks until the status is good and everything is proven, and fails if that takes too long. */
export async function untilGood(options: LooksOptions): Promise<void> {
  const { journal, signal } = options;
  const giveUpAt = performance.now() + GOOD_WITHIN_MS;
  for (const [what, ask] of [
    ['verdict', lookByReconcile],
    ['state', lookByStatus],
  ] as const) {
    for (;;) {
      const facts = await ask(options);
      if (GOOD.has(String(facts[what]))) {
        journal.saw(`${what} after the storm`, facts);
        break;
      }
      if (performance.now() > giveUpAt) {
        journal.failed(`no good ${what} after the storm`, facts);
        break;
      }
      await setTimeout(2000, undefined, { signal });
    }
  }
}

/** Compares ledger and canonical tables with the truth, row by row, and projects everything a second time. */
export async function finalChecks(run: Surroundings): Promise<readonly Check[]> {
  const checks = await runChecks(run.pool, run.stack.config.UNAVAILABLE_PLACEHOLDER);
  const cluster = await KafkaCluster.connect(run.stack.config, createLogger('silent'));
  try {
    return [...checks, ...(await runAgain({ ...run, cluster }))];
  } finally {
    await cluster.close();
  }
}
