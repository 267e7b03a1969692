import { setTimeout as delay } from 'node:timers/promises';
import type { Config, ConfigWith } from '../../lib/config.ts';
import type { Gap } from '../continuity/gaps.ts';
import { topicNames } from '../../lib/names.ts';
import type { HiddenRows } from '../../lib/sees-whole.ts';
import { desiredConnector, type DesiredConfig } from '../../connectors/deploy/desired.ts';
import { readProof, type Proof } from './proof.ts';
import { readSourceFacts, type SourceFacts } from './source.ts';
import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import { sourceNames } from '../../connectors/deploy/target.ts';
import * as canonical from './canonical.ts';
import { askClock, postgresClock, type ClockFacts } from './clock.ts';
import {
  readConnector,
  readSlotPosition,
  type ConnectorFacts,
  type PluginFacts,
  type SlotPosition,
  type WorkerFacts,
} from './connect.ts';
import { readDataTopic, readTopicFacts, type BrokerFacts, type DataTopic, type TopicFacts } from './kafka.ts';
import * as legacy from './legacy.ts';
import { readServer, readSessions, readWalRate, type ServerFacts, type SessionFacts } from './postgres.ts';
import { readRegistry, type RegistryFacts } from './registry.ts';
import { readRoleRights, type RoleRights } from './role.ts';
import type { Services } from './services.ts';
import { readSignalWriters, type SignalWriters } from './signal-writers.ts';
import { readLaterOffsets } from './standing.ts';
import { readCanonicalHidden, readLegacyHidden } from './visible-rows.ts';

/** What can be found out, in parts that are asked side by side: one that gives no answer leaves the others as they are. */
export interface AreaFacts {
  readonly source: SourceFacts & { readonly database: string };
  readonly server: ServerFacts;
  /** Bytes of WAL a second. */
  readonly walRate: number;
  readonly sessions: SessionFacts;
  /** Null where there is no such role. */
  readonly connectorRole: RoleRights | null;
  readonly signalWriters: SignalWriters;
  readonly legacyTable: legacy.LegacyTable;
  readonly largestRow: legacy.LargestRow;
  readonly heartbeatRow: legacy.HeartbeatRow;
  readonly brokers: BrokerFacts;
  readonly topics: TopicFacts;
  readonly dataTopic: DataTopic;
  readonly worker: WorkerFacts;
  readonly plugins: PluginFacts;
  readonly connector: ConnectorFacts;
  readonly slotPosition: SlotPosition;
  /** Undefined where the topics are missing that tell it. */
  readonly proof: Proof | undefined;
  readonly registry: RegistryFacts;
  readonly canonical: canonical.CanonicalFacts;
  /** Tables of which a role that reads them may see less than all rows. */
  readonly canonicalHidden: readonly HiddenRows[];
  readonly legacyHidden: readonly HiddenRows[];
  readonly ledgerSchema: canonical.LedgerSchema;
  readonly missingKeys: readonly canonical.UniqueKey[];
  readonly projectorRole: canonical.ProjectorRole;
  readonly projection: canonical.ProjectionFacts;
  /** The stored offsets once more, a few seconds later where a partition seems to stand still. */
  readonly laterOffsets: readonly canonical.StoredOffset[];
  readonly gaps: readonly Gap[];
  readonly legacyClock: ClockFacts;
  readonly canonicalClock: ClockFacts;
  readonly connectClock: ClockFacts;
}
export type AreaName = keyof AreaFacts;

/** An answer, or the short reason why there is none. */
export type Answer<T> =
  { readonly known: true; readonly value: T } | { readonly known: false; readonly why: string };
export type Facts = { readonly [A in AreaName]: Answer<AreaFacts[A]> };

/** The answer of an area that was asked before. */
export type Earlier = <A extends AreaName>(name: A) => Promise<Answer<AreaFacts[A]>>;

interface Area<T> {
  /** Settings without which nothing can be asked. */
  readonly needs: readonly (keyof Config)[];
  /** Asked when that one has its answer, because the two are compared. */
  readonly after?: AreaName;
  /** Longer than the ten seconds that most are given. */
  readonly withinMs?: number;
  readonly ask: (services: Services, config: Config, earlier: Earlier) => Promise<T>;
}

const LEGACY = ['LEGACY_DATABASE_URL'] as const;
const CANONICAL = ['DATABASE_URL'] as const;
const KAFKA = ['KAFKA_BROKERS'] as const;
const CONNECT = ['CONNECT_URL'] as const;
/** A consumer joins a group, which takes three seconds on a broker with default settings, and twice. */
const PROOF_WITHIN_MS = 25_000;

const wantedTopics = (config: Config) => desiredConnector(config as DesiredConfig).topics;

/** Connect's `Date` header has whole seconds. */
const HEADER_FINENESS_SECONDS = 1;

export const AREAS: { readonly [A in AreaName]: Area<AreaFacts[A]> } = {
  source: { needs: LEGACY, ask: (s, config) => readSourceFacts(s.legacy(), sourceNames(config)) },
  server: {
    needs: LEGACY,
    ask: (s, config) => readServer(s.legacy(), config.SLOT_NAME, connectorRole(config)),
  },
  walRate: { needs: LEGACY, ask: (s) => readWalRate(s.legacy(), delay) },
  sessions: { needs: LEGACY, ask: (s, config) => readSessions(s.legacy(), connectorRole(config)) },
  connectorRole: { needs: LEGACY, ask: (s, config) => readRoleRights(s.legacy(), connectorRole(config)) },
  signalWriters: { needs: LEGACY, ask: (s, config) => readSignalWriters(s.legacy(), connectorRole(config)) },
  legacyTable: { needs: LEGACY, ask: (s) => legacy.readLegacyTable(s.legacy()) },
  largestRow: { needs: LEGACY, ask: (s) => legacy.readLargestRow(s.legacy()) },
  heartbeatRow: { needs: LEGACY, ask: (s) => legacy.readHeartbeatRow(s.legacy()) },
  brokers: { needs: KAFKA, ask: async (s) => (await s.kafka()).describeCluster() },
  topics: {
    needs: [...KAFKA, 'CONNECTOR_DATABASE_URL'],
    ask: async (s, config) => readTopicFacts(await s.kafka(), wantedTopics(config)),
  },
  dataTopic: {
    needs: KAFKA,
    // A projector goes on meanwhile: ends that are older than its offsets would be behind them.
    after: 'projection',
    ask: async (s, config, earlier) => {
      const projection = await earlier('projection');
      const offsets = projection.known ? projection.value.offsets : [];
      return await readDataTopic(await s.kafka(), topicNames(config).data, offsets);
    },
  },
  worker: {
    needs: CONNECT,
    ask: async (s) => {
      const { version, kafka_cluster_id: kafkaClusterId } = await s.connect().worker();
      return { version, kafkaClusterId };
    },
  },
  plugins: { needs: CONNECT, ask: (s) => s.connect().plugins() },
  connector: {
    needs: [...CONNECT, 'CONNECTOR_DATABASE_URL'],
    ask: (s, config) => readConnector(s.connect(), config.CONNECTOR_NAME),
  },
  slotPosition: {
    needs: [...LEGACY, ...CONNECT],
    ask: (s, config) => {
      const names = { slot: config.SLOT_NAME, connector: config.CONNECTOR_NAME };
      return readSlotPosition(s.legacy(), s.connect(), names);
    },
  },
  proof: {
    needs: KAFKA,
    withinMs: PROOF_WITHIN_MS,
    ask: async (s, config) => readProof(await s.kafka(), config as ConfigWith<'KAFKA_BROKERS'>),
  },
  registry: {
    needs: [],
    after: 'legacyTable',
    ask: async (_, config, earlier) => {
      const table = await earlier('legacyTable');
      const tableFits = table.known && table.value.missing.length === 0;
      return await readRegistry(config, { topic: topicNames(config).data, tableFits });
    },
  },
  canonical: { needs: CANONICAL, ask: (s) => canonical.readCanonical(s.canonical()) },
  canonicalHidden: { needs: CANONICAL, ask: (s) => readCanonicalHidden(s.canonical()) },
  legacyHidden: {
    needs: LEGACY,
    ask: (s, config) => readLegacyHidden(s.legacy(), connectorRole(config)),
  },
  ledgerSchema: { needs: CANONICAL, ask: (s) => canonical.readLedgerSchema(s.canonical()) },
  missingKeys: { needs: CANONICAL, ask: (s) => canonical.readMissingKeys(s.canonical()) },
  projectorRole: { needs: CANONICAL, ask: (s) => canonical.readProjectorRole(s.canonical()) },
  projection: { needs: CANONICAL, ask: (s) => canonical.readProjection(s.canonical()) },
  laterOffsets: {
    needs: CANONICAL,
    after: 'dataTopic',
    ask: async (s, _, earlier) =>
      readLaterOffsets(s.canonical(), await earlier('projection'), await earlier('dataTopic')),
  },
  gaps: { needs: CANONICAL, ask: (s) => canonical.readGaps(s.canonical()) },
  legacyClock: { needs: LEGACY, ask: (s) => askClock(() => postgresClock(s.legacy()), 0) },
  canonicalClock: { needs: CANONICAL, ask: (s) => askClock(() => postgresClock(s.canonical()), 0) },
  connectClock: {
    needs: CONNECT,
    ask: (s) =>
      askClock(async () => {
        const clock = await s.connect().clock();
        if (clock === undefined) throw new Error('Kafka Connect does not tell the time');
        return clock;
      }, HEADER_FINENESS_SECONDS),
  },
};
