/**
 * The only file that imports kafkajs, which is no longer maintained. Whoever replaces it begins here. This file makes
 * the client, and exports the few names of kafkajs that its neighbours need. `kafka-cluster.ts` asks and changes a
 * cluster, `kafka-consumer.ts` reads a topic, `kafka-fetch-answer.ts` replaces two inner parts of kafkajs.
 */
import kafkajs, { Kafka, logLevel } from 'kafkajs';
import type { KafkaConfig, LogEntry, SASLOptions } from 'kafkajs';
import type { Config } from './config.ts';
import { DECOMPRESSORS, kafkajsCodec } from './kafka-codecs.ts';
import { countEveryOffset, type RawRecord } from './kafka-fetch-answer.ts';
import type { RequestSender } from './kafka-topic-id.ts';
import type { Logger } from './log.ts';
import { readSettingFile } from './setting-file.ts';

// Node finds only some of the names that this CommonJS package exports. These come through its default export.
export const {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ConfigResourceTypes,
  KafkaJSError,
  KafkaJSGroupCoordinatorNotFound,
  KafkaJSProtocolError,
  KafkaJSSASLAuthenticationError,
  PartitionAssigners,
  Partitioners,
  ResourcePatternTypes,
} = kafkajs;
export { Kafka } from 'kafkajs';
export type { AclEntry, Admin, Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs';

export type KafkaSettings = Pick<
  Config,
  | 'KAFKA_TLS'
  | 'KAFKA_TLS_CA_FILE'
  | 'KAFKA_TLS_CERT_FILE'
  | 'KAFKA_TLS_KEY_FILE'
  | 'KAFKA_SASL_MECHANISM'
  | 'KAFKA_SASL_USERNAME'
  | 'KAFKA_SASL_PASSWORD'
> & { readonly KAFKA_BROKERS: readonly string[] };

/** Our clients introduce themselves to Kafka by this name. It tells our members of a consumer group from all others. */
export const CLIENT_ID = 'agent-history-cdc';

/** Long enough for a leader election or a broker restart. */
const PATIENCE = { initialRetryTime: 200, maxRetryTime: 10_000, retries: 8 };
/** For the first question: a wrong address should be reported within seconds. */
const IMPATIENCE = { initialRetryTime: 200, retries: 2 };

export function createKafkaClient(
  settings: KafkaSettings,
  logger: Logger,
  patience: 'patient' | 'impatient' = 'patient',
): Kafka {
  countEveryOffset();
  for (const [codec, decompress] of Object.entries(DECOMPRESSORS))
    (kafkajs.CompressionCodecs as Record<string, unknown>)[codec] = kafkajsCodec(decompress);
  const retry = patience === 'patient' ? PATIENCE : IMPATIENCE;
  return new Kafka({ ...clientConfig(settings, logger), retry });
}

function clientConfig(settings: KafkaSettings, logger: Logger): KafkaConfig {
  const sasl = saslOptions(settings);
  const read = (name: `KAFKA_TLS_${'CA' | 'CERT' | 'KEY'}_FILE`) => readSettingFile(name, settings[name]);
  const ca = read('KAFKA_TLS_CA_FILE');
  const cert = read('KAFKA_TLS_CERT_FILE');
  const key = read('KAFKA_TLS_KEY_FILE');
  return {
    clientId: CLIENT_ID,
    brokers: [...settings.KAFKA_BROKERS],
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    ...(settings.KAFKA_TLS ? { ssl: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } } : {}),
    ...(sasl === undefined ? {} : { sasl }),
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => {
      logKafkajs(entry, logger);
    },
  };
}

function saslOptions(settings: KafkaSettings): SASLOptions | undefined {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = settings;
  if (mechanism === undefined || username === undefined || password === undefined) return undefined;
  return { mechanism, username, password };
}

/** kafkajs logs every hiccup that it survives as an error. A failure that it does not survive comes as an exception. */
function logKafkajs({ namespace, log }: LogEntry, logger: Logger): void {
  logger.debug({ kafkajs: namespace, error: log['error'] as unknown }, log.message);
}

export interface InternalBroker {
  readonly connectionPool: RequestSender;
  /**
   * `coordinatorType` 0 is a group. Rejects with the broker's answer, which the client's own search for the coordinator
   * loses.
   */
  findGroupCoordinator(asked: { readonly groupId: string; readonly coordinatorType: 0 }): Promise<unknown>;
  fetch(asked: {
    readonly isolationLevel: number;
    readonly maxWaitTime: number;
    readonly maxBytes: number;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[];
    }[];
  }): Promise<{
    readonly responses: readonly {
      readonly partitions: readonly { readonly messages: readonly RawRecord[] }[];
    }[];
  }>;
}

export interface InternalCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
  /** `fetchTopicsOffset` reads this when it sends its question; 0 is read uncommitted. */
  isolationLevel: number;
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number }[];
      readonly fromTimestamp: number;
    }[],
  ): Promise<readonly { readonly partitions: readonly { partition: number; offset: string }[] }[]>;
  findControllerBroker(): Promise<InternalBroker>;
  findGroupCoordinator(asked: { readonly groupId: string }): Promise<InternalBroker>;
  /** By the id of the leader. */
  findLeaderForPartitions(
    topic: string,
    partitions: readonly number[],
  ): Readonly<Record<string, readonly number[]>>;
  findBroker(asked: { readonly nodeId: string }): Promise<InternalBroker>;
}

/** kafkajs keeps its connections behind a symbol. This is the only access to it. */
export function createInternalCluster(kafka: Kafka): InternalCluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  if (symbol === undefined) throw new Error('this release of kafkajs is built differently from 2.2.4');
  const create = (kafka as unknown as Record<symbol, (options: object) => InternalCluster>)[symbol];
  if (create === undefined) throw new Error('this release of kafkajs is built differently from 2.2.4');
  return create({ metadataMaxAge: 300_000, allowAutoTopicCreation: false });
}
