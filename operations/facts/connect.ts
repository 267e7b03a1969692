import type { ConnectClient, ConnectorStatus, Plugin } from '../../connectors/deploy/connect-client.ts';
import type { ConnectorConfig } from '../../connectors/deploy/desired.ts';

export interface WorkerFacts {
  readonly version: string;
  /** Of the Kafka cluster that Connect itself works with. */
  readonly kafkaClusterId: string;
}

export interface ConnectorFacts {
  /** Undefined where Connect has no such connector. */
  readonly config: ConnectorConfig | undefined;
  readonly status: ConnectorStatus | undefined;
}

/** What Kafka Connect has stored of the connector's progress. */
export interface StoredOffset {
  /** The position from which the connector goes on; null where there is none. */
  readonly lsn: bigint | null;
  /** An incremental snapshot that is under way; null where none is, undefined where nothing at all is stored. */
  readonly snapshot: StoredSnapshot | null | undefined;
}

/** Debezium goes on with it when its task begins anew. */
export interface StoredSnapshot {
  readonly id: string;
  readonly condition: string | null;
}

type Offset = Readonly<Record<string, unknown>>;

export type PluginFacts = readonly Plugin[];

export async function readWorker(connect: ConnectClient): Promise<WorkerFacts> {
  const { version, kafka_cluster_id: kafkaClusterId } = await connect.worker();
  return { version, kafkaClusterId };
}

export async function readConnectClock(connect: ConnectClient): Promise<Date> {
  const clock = await connect.clock();
  if (clock === undefined) throw new Error('Kafka Connect does not tell the time');
  return clock;
}

export async function readConnector(connect: ConnectClient, name: string): Promise<ConnectorFacts> {
  const config = await connect.config(name);
  const status = config === undefined ? undefined : await connect.status(name);
  return { config, status: status === undefined ? undefined : withoutSecrets(status, connect) };
}

/** A trace may quote the address that the connector logs in to. */
function withoutSecrets({ connector, tasks }: ConnectorStatus, connect: ConnectClient): ConnectorStatus {
  const clean = <T extends { readonly trace?: string }>(part: T): T =>
    part.trace === undefined ? part : { ...part, trace: connect.redact(part.trace) };
  return { connector: clean(connector), tasks: tasks.map(clean) };
}

export async function readStoredOffset(connect: ConnectClient, name: string): Promise<StoredOffset> {
  const offsets = await connect.offsets(name);
  return { lsn: storedLsn(offsets), snapshot: storedSnapshot(offsets[0]) };
}

/** Debezium stores several positions; the connector goes on behind the furthest of them. */
function storedLsn(offsets: readonly Offset[]): bigint | null {
  const positions = offsets.flatMap(({ lsn, lsn_proc: processed, lsn_commit: committed }) =>
    [lsn, processed, committed].filter((position) => typeof position === 'number').map(BigInt),
  );
  return positions.reduce<bigint | null>(
    (furthest, position) => (furthest === null || position > furthest ? position : furthest),
    null,
  );
}

interface Collection {
  readonly incremental_snapshot_collections_additional_condition: string | null;
}

/** Connect commits offsets once a minute by default, so this may be older than what the notifications tell. */
function storedSnapshot(offset: Offset | undefined): StoredSnapshot | null | undefined {
  if (offset === undefined) return undefined;
  const id = offset['incremental_snapshot_correlation_id'];
  const collections = offset['incremental_snapshot_collections'];
  if (typeof id !== 'string' || typeof collections !== 'string') return null;
  const [first] = JSON.parse(collections) as Collection[];
  return { id, condition: first?.incremental_snapshot_collections_additional_condition ?? null };
}
