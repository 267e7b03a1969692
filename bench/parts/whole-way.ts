import { setTimeout } from 'node:timers/promises';
import { applyConnector } from '../../operations/connector/apply.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { withPool } from '../databases.ts';
import type { Dataset } from '../dataset.ts';
import { HistoryCdc, runHistoryCdc, THIS_CHECKOUT } from '../history-cdc.ts';
import { Meter } from '../meter.ts';
import { rounds, untilAborted, type BenchContext, type Part } from '../part.ts';
import { decidedSoFar } from '../peers/projector.ts';
import { Timeline } from '../timeline.ts';
import { recordsIn, withCluster, withStreamingCopy, type Source } from '../topic.ts';

/** Rows a second from the first record in the topic to the last record, or to the last decision. */
export interface WholeWay {
  readonly rows: number;
  readonly alone: readonly Journey[];
  readonly whole: readonly Journey[];
}

export interface Journey {
  readonly rowsPerSecond: number;
  readonly foreignCores: number;
}

const POLL_MS = 20;

export const wholeWay: Part<WholeWay> = {
  title: "legacy table to canonical, beside Debezium's snapshot alone",
  limitMinutes: 5,
  measure: async (context) => {
    const dataset = await context.dataset({ name: 'small', rows: context.options.rows, shape: 'small' });
    const alone: Journey[] = [];
    const whole: Journey[] = [];
    for (const run of rounds(context)) {
      const both = [
        async () =>
          alone.push(await journey(context, dataset, { name: `alone_${String(run)}`, projected: false })),
        async () =>
          whole.push(await journey(context, dataset, { name: `whole_${String(run)}`, projected: true })),
      ];
      for (const one of run % 2 === 1 ? both : both.toReversed()) await one();
      context.note(
        `  run ${String(run)}: ${textOf(alone.at(-1))} alone, ${textOf(whole.at(-1))} the whole way`,
      );
    }
    return { rows: dataset.rows, alone, whole };
  },
};

function textOf(journey: Journey | undefined): string {
  return `${Math.round(journey?.rowsPerSecond ?? 0).toLocaleString('en')} rows/s`;
}

interface Plan {
  readonly name: string;
  readonly projected: boolean;
}

/** On a copy of the database, with a connector, a topic and a projector of its own. */
async function journey(context: BenchContext, dataset: Dataset, plan: Plan): Promise<Journey> {
  const { stack, signal } = context;
  return await withStreamingCopy(stack, { name: plan.name, database: dataset.database }, async (source) => {
    const invocation = { folder: THIS_CHECKOUT, settings: source.settings, signal };
    if (plan.projected) await runHistoryCdc(['migrate'], invocation);
    const meter = new Meter(stack.servers);
    try {
      return await withCluster(source.config, async (cluster) => {
        const applied = untilAborted(signal, applyConnector(source.config, { note: () => undefined }));
        applied.catch(() => undefined);
        const projector = plan.projected ? await startProjector(cluster, source, invocation) : undefined;
        if (projector !== undefined) meter.add('projector', [projector.pid]);
        const ends = projector === undefined ? untilInTopic : untilDecided;
        const { fromMs, toMs } = await ends({ cluster, source, rows: dataset.rows, signal });
        meter.stop();
        await applied;
        await projector?.stop();
        return {
          rowsPerSecond: dataset.rows / ((toMs - fromMs) / 1000),
          foreignCores: meter.foreignCores(fromMs, toMs),
        };
      });
    } finally {
      meter.stop();
    }
  });
}

/** As soon as there is a topic: `connector apply` makes it before it starts the connector. */
async function startProjector(
  cluster: KafkaCluster,
  source: Source,
  invocation: ConstructorParameters<typeof HistoryCdc>[1],
): Promise<HistoryCdc> {
  while (!(await cluster.listTopics()).includes(source.topic))
    await setTimeout(POLL_MS, undefined, { signal: invocation.signal });
  return new HistoryCdc(['project'], invocation);
}

interface Awaited {
  readonly cluster: KafkaCluster;
  readonly source: Source;
  readonly rows: number;
  readonly signal: AbortSignal;
}

/** From the first record that is in the topic to the last. */
async function untilInTopic({
  cluster,
  source,
  rows,
  signal,
}: Awaited): Promise<{ fromMs: number; toMs: number }> {
  let fromMs = 0;
  for (;;) {
    const records = (await cluster.listTopics()).includes(source.topic)
      ? await recordsIn(cluster, source.topic)
      : 0;
    const now = Date.now();
    if (records > 0 && fromMs === 0) fromMs = now;
    if (records >= rows) return { fromMs, toMs: now };
    await setTimeout(POLL_MS, undefined, { signal });
  }
}

/** From the first record that is in the topic to the last commit of a decision. */
async function untilDecided(awaited: Awaited): Promise<{ fromMs: number; toMs: number }> {
  const { fromMs } = await untilInTopic(awaited);
  return await withPool(awaited.source.config.DATABASE_URL, async (pool) => {
    while ((await decidedSoFar(pool)) < awaited.rows)
      await setTimeout(POLL_MS, undefined, { signal: awaited.signal });
    return { fromMs, toMs: (await Timeline.of(pool, 'history_cdc.ledger')).lastMs };
  });
}
