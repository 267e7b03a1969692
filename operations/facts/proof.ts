import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigWith } from '../../lib/config.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { topicNames } from '../../lib/names.ts';
import { schemaLookupOf } from '../../lib/registry.ts';
import { heartbeatOf, type Heartbeat } from './heartbeat.ts';
import { nextSnapshotState, type InitialSnapshot } from './initial-snapshot.ts';
import { createValueDecoder } from './record-value.ts';
import { TopicTail } from './topic-tail.ts';

type ProofSettings = ConfigWith<'KAFKA_BROKERS'>;

/** What the connector's own topics say of it. */
export interface Proof {
  readonly heartbeat: Heartbeat | undefined;
  /** How many heartbeats were streamed since the proof began. */
  readonly beats: number;
  readonly snapshot: InitialSnapshot;
}

/** Reads the heartbeat topic and the notifications side by side, until it is stopped. Both topics must exist. */
export class ProofWatch {
  readonly #tails: TopicTail[] = [];
  #heartbeat: Heartbeat | undefined;
  #beats = 0;
  #snapshot: InitialSnapshot = 'unknown';

  /** `heartbeats`: whether the last one counts that is in the topic already. */
  static async start(
    cluster: KafkaCluster,
    config: ProofSettings,
    heartbeats: 'last' | 'new',
  ): Promise<ProofWatch> {
    const decode = createValueDecoder(schemaLookupOf(config));
    const names = topicNames(config);
    const watch = new ProofWatch();
    try {
      watch.#tails.push(
        await TopicTail.start(cluster, {
          topic: names.heartbeatTable,
          from: heartbeats,
          decode,
          take: (record, value) => {
            watch.#heartbeat = heartbeatOf(record, value) ?? watch.#heartbeat;
            if (watch.#heartbeat?.streamed === true) watch.#beats += 1;
          },
        }),
        await TopicTail.start(cluster, {
          topic: names.notifications,
          from: 'start',
          decode,
          take: (_, value) => {
            watch.#snapshot = nextSnapshotState(watch.#snapshot, value);
          },
        }),
      );
    } catch (error) {
      await watch.stop();
      throw error;
    }
    return watch;
  }

  /** Undefined until everything was read that was there at the start. */
  current(): Proof | undefined {
    const caughtUp = this.#tails.map((tail) => tail.caughtUp());
    if (caughtUp.includes(false)) return undefined;
    return { heartbeat: this.#heartbeat, beats: this.#beats, snapshot: this.#snapshot };
  }

  async stop(): Promise<void> {
    for (const tail of this.#tails) await tail.stop();
  }
}

const READ_TIMEOUT_MS = 20_000;

/** What the topics say now; undefined where one of them is missing, or cannot be read in time. */
export async function readProof(cluster: KafkaCluster, config: ProofSettings): Promise<Proof | undefined> {
  const { heartbeatTable, notifications } = topicNames(config);
  const topics = await cluster.listTopics();
  if (!topics.includes(heartbeatTable) || !topics.includes(notifications)) return undefined;
  const watch = await ProofWatch.start(cluster, config, 'last');
  try {
    const deadline = Date.now() + READ_TIMEOUT_MS;
    while (watch.current() === undefined && Date.now() < deadline) await delay(50);
    return watch.current();
  } finally {
    await watch.stop();
  }
}
