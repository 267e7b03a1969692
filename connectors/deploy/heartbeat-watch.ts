import { randomUUID } from 'node:crypto';
import type { KafkaCluster } from '../../consumers/lib/kafka-cluster.ts';
import type { Heartbeat, HeartbeatDecoder } from './heartbeat.ts';

interface WatchOptions {
  readonly topic: string;
  readonly decode: HeartbeatDecoder;
  /** `new`: only what comes from now on. `last`: the last record too. */
  readonly from: 'new' | 'last';
}

/** Reads the heartbeat topic until it is stopped. The topic must exist. */
export class HeartbeatWatch {
  readonly #cluster: KafkaCluster;
  readonly #group = `history-cdc-heartbeat-watch-${randomUUID()}`;
  #stop: () => Promise<void> = () => Promise.resolve();
  #latest: Heartbeat | undefined;
  #failure: { readonly error: unknown } | undefined;

  private constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
  }

  static async start(cluster: KafkaCluster, { topic, decode, from }: WatchOptions): Promise<HeartbeatWatch> {
    const watch = new HeartbeatWatch(cluster);
    const starts = new Map(
      [...(await cluster.watermarks(topic))].map(([partition, { low, high }]) => [
        partition,
        from === 'last' && high > low ? high - 1n : high,
      ]),
    );
    const consumer = await cluster.consume({
      group: watch.#group,
      topic,
      fetchBytes: 1_048_576,
      assigned: (partitions) =>
        Promise.resolve(new Map(partitions.map((partition) => [partition, starts.get(partition) ?? 0n]))),
      records: async ({ records }) => {
        for (const record of records) await watch.#take(decode(record));
      },
      failed: (error) => {
        watch.#failure ??= { error };
      },
    });
    watch.#stop = () => consumer.stop();
    return watch;
  }

  /** The last beat that was read. Throws what kept the topic from being read. */
  latest(): Heartbeat | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#latest;
  }

  /** Leaves no consumer group behind. */
  async stop(): Promise<void> {
    await this.#stop();
    await this.#cluster.deleteGroup(this.#group);
  }

  /** An error must not reach kafkajs: it would try the same record again and again. */
  async #take(decoding: Promise<Heartbeat | undefined>): Promise<void> {
    try {
      this.#latest = (await decoding) ?? this.#latest;
    } catch (error) {
      this.#failure ??= { error };
    }
  }
}
