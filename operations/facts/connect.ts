import type { Client } from '../../lib/postgres.ts';
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

export interface SlotPosition {
  /** The LSN up to which the slot was confirmed; undefined where there is no slot, or nothing was confirmed. */
  readonly confirmed: string | undefined;
  /** The LSN that Connect has stored, the position from which the connector goes on; undefined where there is none. */
  readonly storedLsn: bigint | undefined;
}

export type PluginFacts = readonly Plugin[];

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

const CONFIRMED = 'SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = $1';

/** The slot first: it is confirmed only after Connect has stored the offset, so that a sound one is never ahead. */
export async function readSlotPosition(
  client: Client,
  connect: ConnectClient,
  names: { readonly slot: string; readonly connector: string },
): Promise<SlotPosition> {
  const { rows } = await client.query<{ lsn: string | null }>(CONFIRMED, [names.slot]);
  const confirmed = rows[0]?.lsn ?? undefined;
  return { confirmed, storedLsn: storedLsn(await connect.offsets(names.connector)) };
}

/** Debezium stores several positions; the connector goes on behind the furthest of them. */
export function storedLsn(offsets: readonly Readonly<Record<string, unknown>>[]): bigint | undefined {
  const positions = offsets.flatMap(({ lsn, lsn_proc: processed, lsn_commit: committed }) =>
    [lsn, processed, committed].filter((position) => typeof position === 'number').map(BigInt),
  );
  return positions.reduce<bigint | undefined>(
    (furthest, position) => (furthest === undefined || position > furthest ? position : furthest),
    undefined,
  );
}
