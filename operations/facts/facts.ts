import { setTimeout as delay } from 'node:timers/promises';
import type { DecidingSettings } from '../../consumers/agent-test-history/batch/deciding-settings.ts';
import { desiredConnector, type DesiredConfig } from '../../connectors/deploy/desired.ts';
import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import type { Config } from '../../lib/config.ts';
import type { Stranger } from '../../lib/kafka-group.ts';
import { topicNames } from '../../lib/names.ts';
import type { HiddenRows } from '../../lib/sees-whole.ts';
import { readContinuity, type ContinuityFacts } from '../continuity/identity-store.ts';
import { valueOf, type Answer } from './answer.ts';
import * as canonical from './canonical.ts';
import { askClock, postgresClock, type ClockFacts } from './clock.ts';
import * as connect from './connect.ts';
import * as kafka from './kafka.ts';
import * as ledger from './ledger.ts';
import * as legacy from './legacy.ts';
import type { Observed } from './observer.ts';
import { askOldestSeconds } from './oldest.ts';
import * as postgres from './postgres.ts';
import { readRegistry, type RegistryFacts } from './registry.ts';
import { readConnectorRole, type ConnectorRole } from './role.ts';
import type { Services } from './services.ts';
import { readSignalWriters, type SignalWriters } from './signal-writers.ts';
import { readSignals, type KnownSignals } from './signals.ts';
import { askProgress, type Counted } from './snapshot-progress.ts';
import { readLaterOffsets } from './standing.ts';
import { readFence, type FenceState } from '../fence/state.ts';
import { readRetirement, type RetirementFacts } from './retirement.ts';
import { readVerification, type VerificationFacts } from './verification.ts';
import { readCanonicalHidden, readLegacyHidden } from './visible-rows.ts';
import { readWebhook, type WebhookFacts } from './webhook.ts';

/** What can be found out. Each fact is asked by itself: one that gives no answer leaves the others as they are. */
export interface FactValues {
  readonly server: postgres.ServerFacts;
  readonly slot: postgres.SlotFacts | null;
  readonly publication: postgres.PublicationFacts | null;
  /** Bytes of WAL per second. */
  readonly walRate: number;
  readonly sessions: postgres.SessionFacts;
  readonly load: postgres.LoadFacts;
  readonly writes: postgres.WriteFacts;
  /** Null where there is no such role. */
  readonly connectorRole: ConnectorRole | null;
  readonly signalWriters: SignalWriters;
  readonly legacyTable: legacy.LegacyTable;
  readonly ourTables: legacy.OurTables;
  readonly legacyRows: number;
  readonly largestRow: legacy.LargestRow;
  readonly heartbeatRow: legacy.HeartbeatRow;
  readonly signals: KnownSignals;
  readonly brokers: kafka.BrokerFacts;
  readonly topics: kafka.TopicFacts;
  readonly dataTopic: kafka.DataTopic;
  /** Heartbeats that ever came through their topic. */
  readonly beats: bigint;
  /** Projectors in the consumer group. */
  readonly projectors: number;
  /** Members of the consumer group that are no projectors. */
  readonly strangers: readonly Stranger[];
  /** Undefined while one of the topics is missing that tell it. */
  readonly observed: Observed | undefined;
  readonly worker: connect.WorkerFacts;
  readonly plugins: connect.PluginFacts;
  readonly connector: connect.ConnectorFacts;
  readonly storedOffset: connect.StoredOffset;
  readonly registry: RegistryFacts;
  readonly canonical: canonical.CanonicalFacts;
  /** Tables of which a role that reads them may see less than all rows. */
  readonly canonicalHidden: readonly HiddenRows[];
  readonly legacyHidden: readonly HiddenRows[];
  readonly ledgerSchema: canonical.LedgerSchema;
  readonly missingKeys: readonly canonical.UniqueKey[];
  readonly projectorRole: canonical.ProjectorRole;
  readonly projection: canonical.ProjectionFacts;
  /** The stored offsets once more, a few seconds later if a partition seems to stand still. */
  readonly laterOffsets: readonly canonical.ProjectedOffset[];
  /** Of the oldest record that is not projected yet; 0 where none waits. */
  readonly oldestSeconds: number;
  readonly continuity: ContinuityFacts;
  /** Undefined in this and the following: there is no ledger yet, or it is of an earlier release. */
  readonly quarantine: ledger.Unhealed | undefined;
  readonly decisions: readonly ledger.DecisionRow[] | undefined;
  readonly twins: ledger.TwinFacts | undefined;
  readonly sweeps: ledger.LastSweeps | undefined;
  readonly verdicts: ledger.VerdictFacts | undefined;
  /** Null where no projector has verified anything yet. */
  readonly verification: VerificationFacts | null | undefined;
  readonly retirement: RetirementFacts | undefined;
  /** The fence around the legacy table, if there is one. */
  readonly fence: FenceState;
  /** Null where no projector has recorded its settings yet. */
  readonly decidingSettings: DecidingSettings | null | undefined;
  /** Null where no process ever had a WEBHOOK_URL. */
  readonly webhook: WebhookFacts | null | undefined;
  /** Of the last incremental snapshot; undefined where it cannot be counted. */
  readonly snapshotProgress: Counted | undefined;
  readonly legacyClock: ClockFacts;
  readonly canonicalClock: ClockFacts;
  readonly connectClock: ClockFacts;
}
export type FactName = keyof FactValues;
export type Answers = { readonly [F in FactName]: Answer<FactValues[F]> };

/** The answer to a fact that was asked in the same look. */
export type Earlier = <F extends FactName>(name: F) => Promise<Answer<FactValues[F]>>;

interface Fact<T> {
  /** Settings without which nothing can be asked. */
  readonly needs: readonly (keyof Config)[];
  /** Asked when that one has its answer, because the two are compared. */
  readonly after?: FactName;
  /** Longer than the ten seconds that most facts are given. */
  readonly withinMs?: number;
  readonly ask: (services: Services, config: Config, earlier: Earlier) => Promise<T>;
}

const LEGACY = ['LEGACY_DATABASE_URL'] as const;
const CANONICAL = ['DATABASE_URL'] as const;
const KAFKA = ['KAFKA_BROKERS'] as const;
const CONNECT = ['CONNECT_URL'] as const;
/** A consumer joins a group, which takes three seconds on a broker with default settings, and twice. */
const OBSERVED_WITHIN_MS = 25_000;
/** Connect's `Date` header has whole seconds. */
const HEADER_FINENESS_SECONDS = 1;

const wantedTopics = (config: Config) => desiredConnector(config as DesiredConfig).topics;

export const FACTS: { readonly [F in FactName]: Fact<FactValues[F]> } = {
  server: { needs: LEGACY, ask: (s, config) => postgres.readServer(s.legacy(), connectorRole(config)) },
  slot: { needs: LEGACY, ask: (s, config) => postgres.readSlot(s.legacy(), config.SLOT_NAME) },
  publication: {
    needs: LEGACY,
    ask: (s, config) => postgres.readPublication(s.legacy(), config.PUBLICATION_NAME),
  },
  walRate: { needs: LEGACY, ask: (s) => postgres.readWalRate(s.legacy(), delay) },
  sessions: { needs: LEGACY, ask: (s, config) => postgres.readSessions(s.legacy(), connectorRole(config)) },
  load: { needs: LEGACY, ask: (s) => postgres.readLoad(s.legacy()) },
  writes: { needs: LEGACY, ask: (s) => postgres.readWrites(s.legacy()) },
  connectorRole: { needs: LEGACY, ask: (s, config) => readConnectorRole(s.legacy(), connectorRole(config)) },
  signalWriters: { needs: LEGACY, ask: (s, config) => readSignalWriters(s.legacy(), connectorRole(config)) },
  legacyTable: { needs: LEGACY, ask: (s) => legacy.readLegacyTable(s.legacy()) },
  ourTables: { needs: LEGACY, ask: (s) => legacy.readOurTables(s.legacy()) },
  legacyRows: { needs: LEGACY, ask: (s) => ledger.readLegacyRows(s.legacy()) },
  largestRow: { needs: LEGACY, ask: (s) => legacy.readLargestRow(s.legacy()) },
  heartbeatRow: { needs: LEGACY, ask: (s) => legacy.readHeartbeatRow(s.legacy()) },
  signals: { needs: LEGACY, ask: (s) => readSignals(s.legacy()) },
  brokers: { needs: KAFKA, ask: async (s) => (await s.kafka()).describeCluster() },
  topics: {
    needs: [...KAFKA, 'CONNECTOR_DATABASE_URL'],
    ask: async (s, config) => kafka.readTopicFacts(await s.kafka(), wantedTopics(config)),
  },
  dataTopic: {
    needs: KAFKA,
    // A projector goes on meanwhile: ends that are older than its offsets would be behind them.
    after: 'projection',
    ask: async (s, config, earlier) => {
      const offsets = valueOf(await earlier('projection'))?.offsets;
      return await kafka.readDataTopic(await s.kafka(), topicNames(config).data, offsets);
    },
  },
  beats: {
    needs: KAFKA,
    ask: async (s, config) => kafka.readBeats(await s.kafka(), topicNames(config).heartbeatTable),
  },
  projectors: {
    needs: KAFKA,
    ask: async (s, config) => (await kafka.readGroup(await s.kafka(), config.CONSUMER_GROUP)).ours,
  },
  strangers: {
    needs: KAFKA,
    ask: async (s, config) => (await kafka.readGroup(await s.kafka(), config.CONSUMER_GROUP)).strangers,
  },
  observed: {
    needs: KAFKA,
    withinMs: OBSERVED_WITHIN_MS,
    ask: async (s) => (await s.observer())?.current(),
  },
  worker: { needs: CONNECT, ask: (s) => connect.readWorker(s.connect()) },
  plugins: { needs: CONNECT, ask: (s) => s.connect().plugins() },
  connector: {
    needs: CONNECT,
    ask: (s, config) => connect.readConnector(s.connect(), config.CONNECTOR_NAME),
  },
  storedOffset: {
    needs: CONNECT,
    // The slot is confirmed only after Connect has stored the offset, so that a sound slot is never seen ahead of it.
    after: 'slot',
    ask: (s, config) => connect.readStoredOffset(s.connect(), config.CONNECTOR_NAME),
  },
  registry: {
    needs: [],
    after: 'legacyTable',
    ask: async (_, config, earlier) => {
      const tableFits = valueOf(await earlier('legacyTable'))?.missing.length === 0;
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
  oldestSeconds: {
    needs: [...KAFKA, ...CANONICAL],
    after: 'dataTopic',
    ask: async (s, config, earlier) => {
      const { data: topic } = topicNames(config);
      const facts = { projection: await earlier('projection'), dataTopic: await earlier('dataTopic') };
      return await askOldestSeconds(await s.kafka(), topic, facts);
    },
  },
  continuity: { needs: CANONICAL, ask: (s) => readContinuity(s.canonical()) },
  quarantine: { needs: CANONICAL, ask: (s) => ledger.readQuarantine(s.canonical()) },
  decisions: { needs: CANONICAL, ask: (s) => ledger.readDecisions(s.canonical()) },
  twins: { needs: CANONICAL, ask: (s, config) => ledger.readTwins(s.canonical(), config) },
  sweeps: { needs: CANONICAL, ask: (s) => ledger.readSweeps(s.canonical()) },
  verdicts: { needs: CANONICAL, ask: (s) => ledger.readVerdicts(s.canonical()) },
  verification: { needs: CANONICAL, ask: (s) => readVerification(s.canonical()) },
  fence: { needs: LEGACY, ask: (s) => readFence(s.legacy()) },
  retirement: { needs: CANONICAL, ask: (s) => readRetirement(s.canonical()) },
  decidingSettings: { needs: CANONICAL, ask: (s) => ledger.readDecidingSettings(s.canonical()) },
  webhook: { needs: CANONICAL, ask: (s) => readWebhook(s.canonical()) },
  snapshotProgress: {
    needs: [...LEGACY, ...KAFKA],
    after: 'observed',
    withinMs: OBSERVED_WITHIN_MS,
    ask: async (s, _, earlier) =>
      askProgress(s.legacy(), {
        run: valueOf(await earlier('observed'))?.history.runs.at(-1),
        stored: valueOf(await earlier('storedOffset'))?.snapshot,
        signals: valueOf(await earlier('signals')),
      }),
  },
  legacyClock: { needs: LEGACY, ask: (s) => askClock(() => postgresClock(s.legacy()), 0) },
  canonicalClock: { needs: CANONICAL, ask: (s) => askClock(() => postgresClock(s.canonical()), 0) },
  connectClock: {
    needs: CONNECT,
    ask: (s) => askClock(() => connect.readConnectClock(s.connect()), HEADER_FINENESS_SECONDS),
  },
};
