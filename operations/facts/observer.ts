import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigWith } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { topicNames } from '../../lib/names.ts';
import { schemaLookupOf } from '../../lib/registry.ts';
import { heartbeatOf, type Heartbeat } from './heartbeat.ts';
import { createValueDecoder } from './record-value.ts';
import { nextHistory, NO_HISTORY, type SnapshotHistory } from './snapshot-runs.ts';
import { TopicTail } from './topic-tail.ts';

/** What the connector's own topics say of it. */
export interface Observed {
  readonly history: SnapshotHistory;
  readonly heartbeat: Heartbeat | undefined;
  /** Heartbeats that were streamed while the observer follows. */
  readonly beats: number;
}

const READ_WITHIN_MS = 30_000;

/**
 * Follows the notifications from the first one, and the heartbeat, until it is stopped. What Debezium says there is all
 * that is known of a snapshot: we store nothing of it.
 */
export class Observer {
  readonly #tails: TopicTail[] = [];
  #history: SnapshotHistory = NO_HISTORY;
  #heartbeat: Heartbeat | undefined;
  #beats = 0;

  /**
   * Returns when everything was read that was there before. `heartbeats`: whether the last one counts that is in the topic
   * already.
   */
  static async start(
    cluster: KafkaCluster,
    config: ConfigWith<'KAFKA_BROKERS'>,
    heartbeats: 'last' | 'new' = 'last',
  ): Promise<Observer> {
    const { notifications, heartbeatTable } = topicNames(config);
    await assertTopics(cluster, [notifications, heartbeatTable]);
    const decode = createValueDecoder(schemaLookupOf(config));
    const observer = new Observer();
    try {
      const started = await Promise.allSettled([
        TopicTail.start(cluster, {
          topic: notifications,
          from: 'start',
          decode,
          take: ({ timestampMs }, value) => {
            observer.#history = nextHistory(observer.#history, value, timestampMs);
          },
        }),
        TopicTail.start(cluster, {
          topic: heartbeatTable,
          from: heartbeats,
          decode,
          take: (record, value) => {
            observer.#heartbeat = heartbeatOf(record, value) ?? observer.#heartbeat;
            if (observer.#heartbeat?.streamed === true) observer.#beats += 1;
          },
        }),
      ]);
      observer.#tails.push(...started.flatMap((tail) => (tail.status === 'fulfilled' ? [tail.value] : [])));
      for (const tail of started) if (tail.status === 'rejected') throw tail.reason;
      await observer.#caughtUp(notifications);
      return observer;
    } catch (error) {
      await observer.stop();
      throw error;
    }
  }

  /** What is known by now. Throws what keeps the topics from being read. */
  current(): Observed {
    for (const tail of this.#tails) tail.caughtUp();
    return { history: this.#history, heartbeat: this.#heartbeat, beats: this.#beats };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#tails.map((tail) => tail.stop()));
  }

  async #caughtUp(topic: string): Promise<void> {
    const deadline = Date.now() + READ_WITHIN_MS;
    while (this.#tails.map((tail) => tail.caughtUp()).includes(false)) {
      if (Date.now() > deadline) {
        throw new FatalError({
          code: 'KAFKA_UNREACHABLE',
          message: `the topic ${topic} could not be read within ${String(READ_WITHIN_MS / 1000)} s`,
          wayOut: 'check that the brokers answer, and that nothing keeps this host from reading',
        });
      }
      await delay(50);
    }
  }
}

async function assertTopics(cluster: KafkaCluster, wanted: readonly string[]): Promise<void> {
  const existing = await cluster.listTopics();
  const missing = wanted.filter((topic) => !existing.includes(topic));
  if (missing.length === 0) return;
  throw new FatalError({
    code: 'TOPIC_MISSING',
    message: `${missing.join(' and ')}: there is no such topic, so nothing is known of snapshots`,
    wayOut: '`history-cdc connector apply` makes the topics and the connector',
  });
}
