import { createKafkaClient } from '../../lib/kafka.ts';
import { createLogger } from '../../lib/log.ts';
import type { Pipeline } from './pipeline.ts';

interface Message {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly partition: number;
}

/** A transaction of another producer, with its records in it; `topic`: the data topic unless told. */
export async function transact(
  { config, topic: dataTopic }: Pick<Pipeline, 'config' | 'topic'>,
  end: 'commit' | 'abort',
  { messages, topic = dataTopic }: { readonly messages: readonly Message[]; readonly topic?: string },
): Promise<void> {
  const open = await beginTransaction({ config, topic }, messages);
  await open[end]();
}

/** The records are in the topic, and nobody may read them yet, nor what comes behind them. */
export async function beginTransaction(
  { config, topic }: Pick<Pipeline, 'config' | 'topic'>,
  messages: readonly Message[],
): Promise<{ commit(): Promise<void>; abort(): Promise<void> }> {
  const producer = createKafkaClient(config, createLogger('silent')).producer({
    transactionalId: `${topic}-${String(messages.length)}-${String(Date.now())}`,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [...messages] });
  const ended = (end: 'commit' | 'abort') => async () => {
    await transaction[end]();
    await producer.disconnect();
  };
  return { commit: ended('commit'), abort: ended('abort') };
}
