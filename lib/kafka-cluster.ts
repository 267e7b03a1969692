import { ConfigResourceTypes, createInternalCluster, createKafkaClient, Partitioners } from './kafka.ts';
import type { FatalError } from './errors.ts';
import type { Admin, InternalBroker, InternalCluster, Kafka, KafkaSettings } from './kafka.ts';
import { startConsumer, type ConsumeOptions, type TopicConsumer } from './kafka-consumer.ts';
import { requestTopicIdentity, type RequestSender, type TopicIdentity } from './kafka-topic-id.ts';
import { groupTaken, readGroup, warnOfStrangers, type GroupMembers } from './kafka-group.ts';
import { aclEntries, type AccessRule } from './kafka-acl.ts';
import {
  groupNotAllowed,
  isAnswerForgotten,
  isUnknownGroup,
  notAllowed,
  unreachable,
  untilLeaderKnown,
  wrappedFatal,
} from './kafka-way-in.ts';
import type { Logger } from './log.ts';
import { readStretch, type Stretch } from './kafka-stretch.ts';
import { readWatermarks, type Watermarks } from './kafka-watermarks.ts';
import { settledWithin } from './settled-within.ts';
import { within } from './within.ts';

export type { Watermarks };

/** A broker restart or a leader election takes seconds. */
const ANSWER_WITHIN_MS = 30_000;
const CONNECTED_WITHIN_MS = 15_000;
/** The time for a question that we ask only because another one failed. */
const COORDINATOR_WITHIN_MS = 5_000;

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  readonly config: Readonly<Record<string, string>>;
}

/** How many copies of a topic's partitions there are, and how many of them are up to date. */
export interface TopicReplicas {
  readonly name: string;
  /** Of the partition with the fewest copies. */
  readonly copies: number;
  readonly inSync: number;
  /** Partitions without a leader: nobody can read or write them. */
  readonly leaderless: number;
}

export class KafkaCluster {
  readonly #kafka: Kafka;
  readonly #admin: Admin;
  readonly #logger: Logger;
  readonly #user: string | undefined;

  private constructor(settings: KafkaSettings, logger: Logger) {
    this.#user = settings.KAFKA_SASL_USERNAME;
    this.#kafka = createKafkaClient(settings, logger);
    this.#admin = this.#kafka.admin();
    this.#logger = logger;
  }

  /** Connects. If no broker answers, this fails at once, before any work starts. */
  static async connect(settings: KafkaSettings, logger: Logger): Promise<KafkaCluster> {
    const cluster = new KafkaCluster(settings, logger);
    const probe = createKafkaClient(settings, logger, 'impatient').admin();
    try {
      await within(CONNECTED_WITHIN_MS, async () => {
        await probe.connect();
        await probe.listTopics();
        await cluster.#admin.connect();
      });
    } catch (error) {
      await cluster.close();
      throw unreachable(error, settings);
    } finally {
      await settledWithin(1_000, probe.disconnect());
    }
    return cluster;
  }

  /** kafkajs tries a silent broker for minutes. Nobody who asks here can wait that long. */
  async #ask<T>(ask: (admin: Admin) => Promise<T>): Promise<T> {
    return await within(ANSWER_WITHIN_MS, () => ask(this.#admin));
  }

  async close(): Promise<void> {
    await settledWithin(1_000, this.#admin.disconnect());
  }

  async describeTopic(topic: string): Promise<TopicIdentity | undefined> {
    return await this.#askController(({ connectionPool }) => requestTopicIdentity(connectionPool, topic));
  }

  /** Sends a request that kafkajs has no method for. */
  async #askController<T>(ask: (broker: InternalBroker) => Promise<T>): Promise<T> {
    return await this.#askCluster(async (cluster) => {
      await cluster.refreshMetadata();
      return await ask(await cluster.findControllerBroker());
    });
  }

  async #askCluster<T>(ask: (cluster: InternalCluster) => Promise<T>): Promise<T> {
    const cluster = createInternalCluster(this.#kafka);
    try {
      return await within(ANSWER_WITHIN_MS, async () => {
        await cluster.connect();
        return await ask(cluster);
      });
    } finally {
      await settledWithin(1_000, cluster.disconnect());
    }
  }

  async describeCluster(): Promise<{ readonly clusterId: string; readonly brokers: number }> {
    const { clusterId, brokers } = await this.#ask((admin) => admin.describeCluster());
    return { clusterId, brokers: brokers.length };
  }

  async replicas(topics: readonly string[]): Promise<TopicReplicas[]> {
    if (topics.length === 0) return [];
    const metadata = await this.#ask((admin) => admin.fetchTopicMetadata({ topics: [...topics] }));
    return metadata.topics.map(({ name, partitions }) => ({
      name,
      copies: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      inSync: Math.min(...partitions.map(({ isr }) => isr.length)),
      leaderless: partitions.filter(({ leader }) => leader < 0).length,
    }));
  }

  async watermarks(topic: string): Promise<ReadonlyMap<number, Watermarks>> {
    return await untilLeaderKnown(() => this.#askCluster((cluster) => readWatermarks(cluster, topic)));
  }

  /** Calls `read` with a way to read stretches of the topic, all over one connection. */
  async readStretches<T>(
    topic: string,
    read: (stretch: (partition: number, from: bigint) => Promise<Stretch>) => Promise<T>,
  ): Promise<T> {
    const ask = async (cluster: InternalCluster) => {
      await cluster.addTargetTopic(topic);
      return await read((partition, from) => readStretch(cluster, topic, { partition, from }));
    };
    return await untilLeaderKnown(() => this.#askCluster(ask));
  }

  /** The first offset of each partition whose record is not older than `timestampMs`; the high watermark if none. */
  async offsetsAt(topic: string, timestampMs: number): Promise<ReadonlyMap<number, bigint>> {
    const offsets = await this.#askLeaders((admin) => admin.fetchTopicOffsetsByTimestamp(topic, timestampMs));
    return new Map(offsets.map(({ partition, offset }) => [partition, BigInt(offset)]));
  }

  async listTopics(): Promise<readonly string[]> {
    return await this.#ask((admin) => admin.listTopics());
  }

  /** The named entries of a topic's configuration, as text. */
  async topicConfig(topic: string, names: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const { resources } = await this.#ask((admin) =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [...names] }],
      }),
    );
    const entries = resources[0]?.configEntries ?? [];
    return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    const names = topics.map(({ name }) => name).join(', ');
    const create = this.#ask((admin) =>
      admin.createTopics({
        waitForLeaders: true,
        topics: topics.map(({ name, partitions, replication, config }) => ({
          topic: name,
          numPartitions: partitions,
          replicationFactor: replication,
          configEntries: Object.entries(config).map(([entry, value]) => ({ name: entry, value })),
        })),
      }),
    );
    await create.catch((error: unknown) => {
      throw notAllowed(error, `create ${names}`) ?? error;
    });
  }

  async alterTopicConfig(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await this.#ask((admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
      }),
    );
  }

  /** Adds rules of who may do what; one that is there already stays. */
  async allow(rules: readonly AccessRule[]): Promise<void> {
    await this.#ask((admin) => admin.createAcls({ acl: aclEntries(rules) }));
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    await this.#ask((admin) => admin.deleteTopics({ topics: [...topics] }));
  }

  /** Undefined where there is no such group. Throws where the user may not see it: then it may be there. */
  async describeGroup(group: string): Promise<GroupMembers | undefined> {
    const askCoordinator = <T>(ask: (sender: RequestSender) => Promise<T>) =>
      this.#askCluster(async (cluster) => {
        const { connectionPool } = await cluster.findGroupCoordinator({ groupId: group });
        return await ask(connectionPool);
      });
    try {
      return await this.#ask((admin) => readGroup(admin, group, askCoordinator));
    } catch (error) {
      throw (await this.#groupRefusal(error, { group })) ?? error;
    }
  }

  /** Forgets consumer groups. A group that does not exist is no error. */
  async deleteGroup(group: string): Promise<void> {
    try {
      await this.#ask((admin) => admin.deleteGroups([group]));
    } catch (error) {
      const unknown = error instanceof Error && 'groups' in error && isUnknownGroup(error.groups);
      if (!unknown) throw error;
    }
  }

  /** Writes records as they are; for tests and tools that need a record which Debezium would not write. */
  async produce(
    topic: string,
    messages: readonly { key: Buffer | null; value: Buffer | null; partition: number }[],
  ) {
    const producer = this.#kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    try {
      await producer.send({ topic, acks: -1, messages: [...messages] });
    } finally {
      await producer.disconnect();
    }
  }

  /**
   * If a leader has moved or is new (a topic that was just made), kafkajs asks the old leader for minutes. A new client
   * learns who leads now.
   */
  async #askLeaders<T>(ask: (admin: Admin) => Promise<T>): Promise<T> {
    return await untilLeaderKnown(async (attempt) => {
      if (attempt === 1) return await this.#ask(ask);
      const admin = this.#kafka.admin();
      await admin.connect();
      try {
        return await within(ANSWER_WITHIN_MS, () => ask(admin));
      } finally {
        await admin.disconnect();
      }
    });
  }

  /** Joins the group and reads; see `consume`. */
  async consume(options: ConsumeOptions): Promise<TopicConsumer> {
    const { group } = options;
    const describe = () => this.describeGroup(group);
    const refusal = async (error: unknown) =>
      wrappedFatal(error) ??
      (await this.#groupRefusal(error, options)) ??
      (await groupTaken(error, group, describe)) ??
      notAllowed(error, `read ${options.topic} in the group ${group}`) ??
      error;
    const failed = (error: unknown) => void refusal(error).then(options.failed);
    const assigned: ConsumeOptions['assigned'] = (partitions, outdated) => {
      void warnOfStrangers(group, describe, this.#logger);
      return options.assigned(partitions, outdated);
    };
    try {
      return await startConsumer(this.#kafka, { ...options, assigned, failed }, this.#logger);
    } catch (error) {
      throw await refusal(error);
    }
  }

  /** Undefined if the failure is not about the group's rights. */
  async #groupRefusal(
    error: unknown,
    { group, groups = group }: Pick<ConsumeOptions, 'group' | 'groups'>,
  ): Promise<FatalError | undefined> {
    const answer = isAnswerForgotten(error) ? await this.#askForCoordinator(group) : error;
    return groupNotAllowed(answer, { group, groups, user: this.#user });
  }

  /** The error that the broker answers; undefined if it answers no error, or not at all. */
  async #askForCoordinator(group: string): Promise<unknown> {
    try {
      await within(COORDINATOR_WITHIN_MS, () =>
        this.#askController((broker) => broker.findGroupCoordinator({ groupId: group, coordinatorType: 0 })),
      );
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
