import { loadConfig } from '../../lib/config.ts';
import { AREAS, type AreaFacts, type AreaName, type Facts } from '../../operations/facts/areas.ts';
import { desiredConnector, type DesiredConfig } from '../../connectors/deploy/desired.ts';
import { sql } from '../../lib/quoting.ts';

export const CONFIG = loadConfig(
  {
    DATABASE_URL: 'postgresql://projector@db/app',
    CONNECTOR_DATABASE_URL: 'postgresql://connector@db/app',
    KAFKA_BROKERS: 'kafka:9092',
    CONNECT_URL: 'http://connect:8083',
    SCHEMA_REGISTRY_URL: 'http://registry:8080/apis/ccompat/v7',
    CONNECTOR_SCHEMA_REGISTRY_URL: 'http://registry:8080/apis/registry/v2',
  },
  undefined,
);
const desired = desiredConnector(CONFIG as DesiredConfig);

/** A moment ago: what is judged by its age is judged against now. */
const justNow = () => new Date(Date.now() - 1_000);

const rights = {
  attributes: [],
  memberOf: [],
  owns: [],
  createsInPublic: false,
  grants: [
    {
      place: sql`public.agent_test_history`,
      privilege: 'SELECT',
      column: null,
      grantee: sql`connector`,
    },
  ],
};

/** What there is to know of a deployment in which all is well. */
export function healthyFacts(): AreaFacts {
  return {
    source: {
      serverVersion: 180_004,
      walLevel: 'logical',
      dataTable: true,
      replicaIdentity: 'd',
      primaryKey: true,
      keyColumns: ['id'],
      partitioned: false,
      inheriting: [],
      signalTable: true,
      heartbeatTable: true,
      publication: {
        allTables: false,
        tables: ['history_cdc_source.heartbeat', 'history_cdc_source.signal', 'public.agent_test_history'],
        everyOperation: true,
        viaRoot: true,
        narrowed: false,
      },
      role: { mayReplicate: true, missing: [] },
      slot: { plugin: 'pgoutput', database: 'app', active: true, walStatus: 'reserved', lagBytes: 0 },
      slotsInUse: 1,
      slotsAllowed: 10,
      hidden: [],
      database: 'app',
    },
    server: {
      inRecovery: false,
      encoding: 'UTF8',
      sendersAllowed: 10,
      sendersInUse: 1,
      capMegabytes: 51_200,
      onCommandLine: [],
      averageWalRate: 1_048_576,
      idleTimeoutSeconds: 0,
      standbySlots: [],
      roleLimits: [
        { name: 'statement_timeout', value: '0' },
        { name: 'wal_sender_timeout', value: '60000ms' },
      ],
      slot: {
        temporary: false,
        confirmed: '0/10',
        retainedBytes: 1_000,
        bytesLeft: 53_687_091_200,
        failover: true,
        inactiveSeconds: null,
        invalidated: null,
        readBy: 'connector',
      },
    },
    walRate: 1_048_576,
    sessions: { long: [], hidden: 0, prepared: [], role: 'projector' },
    connectorRole: { name: 'connector', ...rights },
    signalWriters: { owner: 'app', grants: [], members: [] },
    legacyTable: { missing: [], generated: [], missingOfOurs: [] },
    largestRow: { bytes: 60_000, sample: 100 },
    heartbeatRow: { kind: 'row', secondsAgo: 1 },
    brokers: { clusterId: 'k', brokers: 1 },
    topics: {
      there: desired.topics.map(({ name, partitions, config }) => ({ name, partitions, config })),
      replicas: desired.topics.map(({ name }) => ({ name, copies: 1, inSync: 1, leaderless: 0 })),
    },
    dataTopic: { topicId: 't', partitions: 4, marks: new Map([[0, { low: 0n, high: 10n }]]) },
    worker: { version: '4.3.1', kafkaClusterId: 'k' },
    plugins: [
      {
        class: 'io.debezium.connector.postgresql.PostgresConnector',
        type: 'source',
        version: '3.7.0.Final',
      },
      { class: 'io.apicurio.registry.utils.converter.AvroConverter', type: 'converter' },
    ],
    connector: {
      config: desired.config,
      status: { connector: { state: 'RUNNING' }, tasks: [{ id: 0, state: 'RUNNING' }] },
    },
    slotPosition: { confirmed: '0/10', storedLsn: 16n },
    proof: {
      heartbeat: { beatAt: justNow(), arrivedAt: justNow(), streamed: true },
      beats: 1,
      snapshot: 'completed',
    },
    registry: {
      kind: 'answers',
      subjects: 2,
      schemas: ['key', 'value'].map((part) => ({ subject: part, there: true, problem: undefined })),
    },
    canonicalHidden: [],
    legacyHidden: [],
    canonical: {
      inRecovery: false,
      mayWrite: true,
      serverProblems: [],
      missing: [],
      obstacles: [],
      runsByAgent: true,
    },
    ledgerSchema: { kind: 'current' },
    missingKeys: [],
    projectorRole: {
      schemaThere: true,
      missing: [],
      missingOnSchema: [],
      rights: { name: 'projector', ...rights, grants: [] },
    },
    projection: {
      topics: [{ topicId: 't', name: 'data', partitions: 4 }],
      offsets: [{ topicId: 't', partition: 0, nextOffset: '10', projector: 'pod:7', secondsAgo: 1 }],
      quarantined: 0,
    },
    laterOffsets: [{ topicId: 't', partition: 0, nextOffset: '10', projector: 'pod:7', secondsAgo: 5 }],
    gaps: [],
    legacyClock: { aheadSeconds: 0.1, unsureSeconds: 0.1 },
    canonicalClock: { aheadSeconds: 0.1, unsureSeconds: 0.1 },
    connectClock: { aheadSeconds: 0.1, unsureSeconds: 0.6 },
  };
}

/** As they are gathered: all known, but for those that gave no answer. */
export function gathered(facts: AreaFacts, silent: Partial<Record<AreaName, string>> = {}): Facts {
  const names = Object.keys(AREAS) as AreaName[];
  const answers = names.map((name) => {
    const why = silent[name];
    return [name, why === undefined ? { known: true, value: facts[name] } : { known: false, why }] as const;
  });
  return Object.fromEntries(answers) as unknown as Facts;
}
