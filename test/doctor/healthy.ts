import { decidingSettings } from '../../consumers/agent-test-history/batch/deciding-settings.ts';
import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import { loadConfig } from '../../lib/config.ts';
import { RELEASE } from '../../lib/release.ts';
import type { VerificationFacts } from '../../operations/facts/verification.ts';
import type { WebhookFacts } from '../../operations/facts/webhook.ts';
import { FACTS, type Answers, type FactName, type FactValues } from '../../operations/facts/facts.ts';
import type { ReconcileReport } from '../../operations/reconcile/report.ts';
import { desiredConnector, type DesiredConfig } from '../../connectors/deploy/desired.ts';
import { sql } from '../../lib/quoting.ts';
import type { SweepCounts } from '../../consumers/agent-test-history/sweep/last-sweep.ts';

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

export const AT = new Date('2026-11-28T03:00:00Z');

export function verdict(patch: Partial<ReconcileReport> = {}): ReconcileReport {
  const given = patch.verdict ?? 'proven';
  return {
    run: {
      id: '1',
      scope: 'whole',
      since: null,
      started_at: AT,
      finished_at: new Date(AT.getTime() - 7_200_000),
      rule_version: 1,
      release: 'x',
      phase: 'done',
      last_id: null,
      legacy_counted: null,
      legacy_rows: '1000',
      ledger_rows: '1000',
      canonical_rows: '700',
      decisions: {},
      excepted: {},
      verdict: given,
      waited_for: null,
      accept_rules: [],
    },
    verdict: given,
    stale: null,
    kinds: [],
    accepted: {},
    rowsSeen: 1000,
    quarantine: { open: 0, waived: 0 },
    gaps: [],
    ...patch,
  };
}

/** As it is where everything was compared a moment ago, and nothing is wrong. */
export function webhook(patch: Partial<WebhookFacts> = {}): WebhookFacts {
  return {
    ...{
      aliveSecondsAgo: 3,
      waiting: 0,
      oldestSeconds: null,
      givenUp: 0,
      failure: null,
      lastDeliveredAt: null,
    },
    ...patch,
  };
}

export function verification(patch: Partial<VerificationFacts> = {}): VerificationFacts {
  return {
    ...{ aliveBy: 'pod:7', aliveSecondsAgo: 3, rowsPerSecond: 500, movedAt: AT, stillSeconds: 1 },
    ...{ heldBecause: null, heldSeconds: null, failure: null, failingSeconds: null },
    ...{ release: RELEASE, ruleVersion: RULE_VERSION, passBeganAt: AT, phase: 'ledger', passRows: 1200 },
    ...{ changesUntil: AT, changesUntilSecondsAgo: 150, changedRows: 40, waitingRows: 2 },
    lastPass: {
      ...{
        beganAt: AT.toISOString(),
        endedAt: AT.toISOString(),
        release: RELEASE,
        ruleVersion: RULE_VERSION,
      },
      ...{ rows: 2700, secondsSinceBegin: 300 },
    },
    ...{ suspects: 1, wrong: 0, accepted: 0, kinds: {}, ids: [] },
    ...patch,
  };
}

export const decided = (decision: string, rows: number) => ({
  ...{ decision, rows, not_deleted: rows, blocked: 0, weak: 0, stragglers: 0 },
});

const ended = (secondsAgo: number) => ({
  ...({ by: 'project', seconds: 0.25, secondsAgo, beganAt: AT } as const),
  endedAt: new Date(AT.getTime() - 1000 * secondsAgo),
});

export const doneSweep = (secondsAgo = 12, counts: Partial<SweepCounts> = {}) => ({
  ...ended(secondsAgo),
  ...{ absorbed: 0, relinked: 0, lateOwners: 0, settled: 0, blocked: 0, lateOwnersReported: 0, ...counts },
});

export const failedSweep = (secondsAgo: number) => ({ ...ended(secondsAgo), errorCode: '57014' });

/** What there is to know of a deployment in which all is well. */
export function healthyFacts(): FactValues {
  return {
    server: {
      version: 180_004,
      database: 'app',
      inRecovery: false,
      system: '7390000000000000001',
      timeline: '1',
      encoding: 'UTF8',
      walLevel: 'logical',
      slotsInUse: 1,
      slotsAllowed: 10,
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
    },
    slot: {
      name: 'history_cdc',
      plugin: 'pgoutput',
      database: 'app',
      temporary: false,
      active: true,
      walStatus: 'reserved',
      confirmed: '0/10',
      lagBytes: 0,
      retainedBytes: 1_000,
      bytesLeft: 53_687_091_200,
      failover: true,
      inactiveSeconds: null,
      invalidated: null,
      readBy: 'connector',
    },
    publication: {
      allTables: false,
      tables: ['history_cdc_source.heartbeat', 'history_cdc_source.signal', 'public.agent_test_history'],
      viaRoot: true,
      everyOperation: true,
      narrowed: false,
      ofTable: true,
      tableNarrowed: false,
      identity: 'history_cdc (oid 5)',
    },
    walRate: 1_048_576,
    sessions: { long: [], hidden: 0, prepared: [], role: 'projector' },
    load: { replication_lag_seconds: 0, active_sessions: 1 },
    writes: { changes: '1000', xmax: '800' },
    connectorRole: { name: 'connector', ...rights, mayReplicate: true, missing: [] },
    signalWriters: { owner: 'app', grants: [], members: [] },
    legacyTable: {
      there: true,
      replicaIdentity: 'd',
      keyColumns: ['id'],
      partitioned: false,
      inheriting: [],
      missing: [],
      generated: [],
    },
    ourTables: { signal: { there: true, missing: [] }, heartbeat: { there: true, missing: [] } },
    legacyRows: 1_000,
    signals: { asked: [], pause: undefined },
    largestRow: { bytes: 60_000, sample: 100 },
    heartbeatRow: { kind: 'row', secondsAgo: 1 },
    brokers: { clusterId: 'k', brokers: 1 },
    topics: {
      there: desired.topics.map(({ name, partitions, config }) => ({ name, partitions, config })),
      replicas: desired.topics.map(({ name }) => ({ name, copies: 1, inSync: 1, leaderless: 0 })),
    },
    beats: 100n,
    projectors: 1,
    strangers: [],
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
    storedOffset: { lsn: 16n, snapshot: null },
    observed: {
      heartbeat: { beatAt: justNow(), arrivedAt: justNow(), streamed: true },
      beats: 1,
      history: { initial: 'completed', runs: [] },
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
    },
    laterOffsets: [{ topicId: 't', partition: 0, nextOffset: '10', projector: 'pod:7', secondsAgo: 5 }],
    oldestSeconds: 0,
    continuity: { gaps: [], recorded: [] },
    quarantine: { open: 0, waived: 0 },
    decisions: [decided('projected', 700), decided('third_party', 300)],
    twins: { unsettled: 0, due: 0, overdue: 0 },
    sweeps: { done: doneSweep(), failed: null },
    verdicts: { last: verdict(), before: [] },
    verification: verification(),
    decidingSettings: decidingSettings(CONFIG),
    fence: { tableOid: '1', tableOwner: 'app', fence: null, holes: [] },
    retirement: { stage: 'soaking', lookedAt: null, held: null, conditions: null },
    webhook: null,
    snapshotProgress: undefined,
    legacyClock: { aheadSeconds: 0.1, unsureSeconds: 0.1 },
    canonicalClock: { aheadSeconds: 0.1, unsureSeconds: 0.1 },
    connectClock: { aheadSeconds: 0.1, unsureSeconds: 0.6 },
  };
}

/** As they are gathered: all known, but for those that gave no answer. */
export function gathered(facts: FactValues, silent: Partial<Record<FactName, string>> = {}): Answers {
  const names = Object.keys(FACTS) as FactName[];
  const answers = names.map((name) => {
    const why = silent[name];
    return [name, why === undefined ? { known: true, value: facts[name] } : { known: false, why }] as const;
  });
  return Object.fromEntries(answers) as unknown as Answers;
}
