import type { Present } from '../continuity/judge.ts';
import { messageOf } from '../../lib/errors.ts';
import type { KafkaCluster, Watermarks } from '../../lib/kafka-cluster.ts';
import { topicNames } from '../../lib/names.ts';
import type { Client } from '../../lib/postgres.ts';
import { within } from '../../lib/within.ts';
import type { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import { failureOf } from '../checks/liveness.ts';
import { storedLsn } from '../facts/connect.ts';
import { lookAtSource, type SourceLook } from './source.ts';

/** What is looked with; one that is undefined is out of reach by configuration. */
export interface Eyes {
  readonly legacy: Client | undefined;
  readonly connect: ConnectClient | undefined;
  /** Or the attempt to connect to it, which is blind for the reason that it fails for. */
  readonly kafka: KafkaCluster | Promise<KafkaCluster> | undefined;
}
export type EyeName = keyof Eyes;

const SETTING = {
  legacy: 'LEGACY_DATABASE_URL is not set',
  connect: 'CONNECT_URL is not set',
  kafka: 'KAFKA_BROKERS is not set',
} as const satisfies Record<EyeName, string>;

export interface Names {
  readonly PUBLICATION_NAME: string;
  readonly SLOT_NAME: string;
  readonly CONNECTOR_NAME: string;
  readonly TOPIC_PREFIX: string;
}

export interface Failure {
  readonly what: string;
  readonly trace: string;
}

/** What one look has seen. What could not be asked is left out, and is no break. */
export interface Look {
  readonly present: Present;
  readonly source: Pick<SourceLook, 'changes' | 'xmax'> | undefined;
  /** Where the data topic ends. */
  readonly ends: ReadonlyMap<number, Watermarks> | undefined;
  /** Of the topic of the heartbeat table, all that ever came; undefined where it is not known. */
  readonly beats: bigint | undefined;
  /** What has failed of the connector; null where nothing has, undefined where it is not known. */
  readonly failure: Failure | null | undefined;
  /** Why there is no answer. */
  readonly blind: ReadonlyMap<EyeName, string>;
}

/** A service that is slower than this is looked at the next time. */
const WITHIN_MS = 5_000;

/**
 * Asks the services side by side, each within its time. The slot comes before the stored offset: it is confirmed only
 * after Connect has stored that, so a sound one is never seen ahead.
 */
export async function look(eyes: Eyes, names: Names, withinMs = WITHIN_MS): Promise<Look> {
  const blind = new Map<EyeName, string>();
  const see = async <E extends EyeName, T>(
    eye: E,
    ask: (open: NonNullable<Eyes[E]>) => Promise<T>,
  ): Promise<T | undefined> => {
    const open = eyes[eye];
    if (open === undefined) {
      blind.set(eye, SETTING[eye]);
      return undefined;
    }
    try {
      return await within(withinMs, () => ask(open));
    } catch (error) {
      blind.set(eye, messageOf(error));
      return undefined;
    }
  };
  const slotNames = { publication: names.PUBLICATION_NAME, slot: names.SLOT_NAME };
  const [[source, connector], kafka] = await Promise.all([
    see('legacy', (legacy) => lookAtSource(legacy, slotNames)).then(
      async (seen) => [seen, await see('connect', (connect) => lookAtConnector(connect, names))] as const,
    ),
    see('kafka', (cluster) => lookAtTopics(cluster, names)),
  ]);
  const position =
    source?.confirmed === undefined || connector === undefined
      ? undefined
      : { confirmed: source.confirmed, stored: connector.stored };
  return {
    present: {
      ...source?.present,
      ...(kafka !== undefined && { topicId: kafka.topicId }),
      ...(position !== undefined && { position }),
    },
    source,
    ends: kafka?.ends,
    beats: kafka?.beats,
    failure: connector?.failure,
    blind,
  };
}

async function lookAtConnector(
  connect: ConnectClient,
  { CONNECTOR_NAME: name }: Names,
): Promise<{ stored: bigint | null; failure: Failure | null }> {
  const stored = storedLsn(await connect.offsets(name)) ?? null;
  const status = await connect.status(name);
  const failure = status === undefined ? undefined : failureOf(status);
  return {
    stored,
    failure: failure === undefined ? null : { ...failure, trace: connect.redact(failure.trace) },
  };
}

async function lookAtTopics(
  connecting: KafkaCluster | Promise<KafkaCluster>,
  names: Names,
): Promise<{ topicId: string | null; ends: ReadonlyMap<number, Watermarks>; beats: bigint }> {
  const { data, heartbeatTable } = topicNames(names);
  const cluster = await connecting;
  const identity = await cluster.describeTopic(data);
  if (identity === undefined) return { topicId: null, ends: new Map(), beats: 0n };
  // kafkajs asks again and again for the ends of a topic that does not exist.
  const beats = (await cluster.listTopics()).includes(heartbeatTable)
    ? await cluster.watermarks(heartbeatTable)
    : new Map<number, Watermarks>();
  return {
    topicId: identity.topicId,
    ends: await cluster.watermarks(data),
    beats: [...beats.values()].reduce((sum, { high }) => sum + high, 0n),
  };
}
