import { createDataset, type Dataset } from './dataset.ts';
import type { BenchContext } from './part.ts';
import { startSinkWorker, type SinkWorker } from './peers/sink-worker.ts';
import type { BenchStack } from './stack.ts';
import { fillTopic, prepareSource, type Source } from './topic.ts';

type Shared = Pick<BenchContext, 'dataset' | 'topic' | 'sinkWorker'>;

/** What the parts share. It is made when the first part asks for it. If that fails, the next part tries again. */
export function sharedThings(stack: BenchStack, note: (line: string) => void, signal: AbortSignal): Shared {
  const datasets = new Map<string, Promise<Dataset>>();
  const topics = new Map<string, Promise<Source>>();
  const workers = new Map<string, Promise<SinkWorker>>();
  return {
    dataset: (plan) =>
      once(datasets, plan.name, () => {
        note(`generating ${plan.rows.toLocaleString('en')} rows (${plan.name})`);
        return createDataset(stack, plan, signal);
      }),
    topic: (dataset, format) =>
      once(topics, `${dataset.name} ${format}`, async () => {
        note(`taking them to Kafka (${format})`);
        const name = `${dataset.name}_${format}`;
        const source = await prepareSource(stack, { name, database: dataset.database, format });
        await fillTopic(stack, source);
        return source;
      }),
    sinkWorker: () => once(workers, '', () => startSinkWorker(stack.instance, stack.environment, note)),
  };
}

async function once<T>(made: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const there = made.get(name);
  if (there !== undefined) return await there;
  const promise = make();
  made.set(name, promise);
  promise.catch(() => made.delete(name));
  return await promise;
}

export function contextOf(
  stack: BenchStack,
  shared: Shared,
  rest: Pick<BenchContext, 'options' | 'note' | 'signal' | 'endsAtMs'>,
): BenchContext {
  return { stack, ...shared, ...rest };
}
