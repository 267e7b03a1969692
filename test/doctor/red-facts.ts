import { healthyFacts } from './healthy.ts';
import { openGap } from './open-gap.ts';
import { beat, signalGrant, type Patch } from './patched.ts';
import { sql } from '../../consumers/lib/quoting.ts';

const { source, server, topics } = healthyFacts();
const slot = source.slot;
const ourSlot = server.slot;
const { publication } = source;
if (slot === null || ourSlot === null || publication === null)
  throw new Error('the healthy facts lack something');
const long = { pid: 7, role: 'app', application: 'x', state: 'idle in transaction', seconds: 7_200 };
const hourAgo = new Date(Date.now() - 3_600_000);

/** Check, verdict, what is otherwise, and what the evidence says of it. */
export const RED: readonly (readonly [string, 'failed' | 'warning', Patch, string])[] = [
  ['legacy-version', 'failed', { source: { serverVersion: 130_011 } }, 'Postgres 13.11'],
  ['legacy-version', 'failed', { server: { encoding: 'LATIN1' } }, 'LATIN1'],
  ['legacy-primary', 'failed', { server: { inRecovery: true } }, 'standby'],
  ['wal-level', 'failed', { source: { walLevel: 'replica' } }, 'wal_level = replica'],
  ['replication-slots-room', 'failed', { source: { slot: null, slotsInUse: 10 } }, '10 of 10'],
  [
    'wal-senders-room',
    'failed',
    { source: { slot: { ...slot, active: false } }, server: { sendersInUse: 10 } },
    '10 of 10',
  ],
  ['wal-cap', 'failed', { server: { capMegabytes: -1 } }, 'fills the disk'],
  ['wal-cap', 'warning', { server: { capMegabytes: 64 } }, '64 MiB'],
  [
    'wal-runway',
    'failed',
    {
      source: { slot: { ...slot, active: false } },
      server: { slot: { ...ourSlot, bytesLeft: 1_048_576_000 } },
    },
    'given up in 17 min',
  ],
  [
    'wal-runway',
    'warning',
    { server: { slot: { ...ourSlot, retainedBytes: 10_000_000_000, bytesLeft: 40_000_000_000 } } },
    'given up in 11 h',
  ],
  [
    'slot-idle-timeout',
    'failed',
    { server: { idleTimeoutSeconds: 600 } },
    'idle_replication_slot_timeout = 10 min',
  ],
  ['slot-idle-timeout', 'warning', { server: { idleTimeoutSeconds: 43_200 } }, '12 h'],
  [
    'wal-runway',
    'failed',
    {
      source: { slot: { ...slot, active: false } },
      server: { idleTimeoutSeconds: 1_800, slot: { ...ourSlot, inactiveSeconds: 600 } },
    },
    'given up in 20 min',
  ],
  [
    'session-limits',
    'warning',
    { server: { roleLimits: [{ name: 'transaction_timeout', value: '5min' }] } },
    'transaction_timeout = 5min',
  ],
  [
    'session-limits',
    'warning',
    { server: { roleLimits: [{ name: 'wal_sender_timeout', value: '0' }] } },
    'wal_sender_timeout = 0',
  ],
  [
    'slot-not-held',
    'failed',
    { server: { standbySlots: [{ name: 'sb1', served: false }] } },
    'synchronized_standby_slots names sb1',
  ],
  [
    'long-transactions',
    'warning',
    { sessions: { long: [long] } },
    'pid 7 (app, idle in transaction) for 2 h',
  ],
  [
    'prepared-transactions',
    'warning',
    { sessions: { prepared: [{ gid: "it's", database: 'app', seconds: 600 }] } },
    "'it's' for 10 min",
  ],
  ['legacy-table', 'failed', { legacyTable: { missing: ['column public.x.y'] } }, 'column public.x.y'],
  ['legacy-columns-sent', 'failed', { legacyTable: { generated: ['summary'] } }, 'generated'],
  ['legacy-table-alone', 'failed', { source: { inheriting: [sql`public.child`] } }, 'public.child inherit'],
  ['legacy-key', 'failed', { source: { keyColumns: ['id', 'started_at'] } }, '(id, started_at)'],
  [
    'publication',
    'failed',
    { source: { partitioned: true, publication: { ...publication, viaRoot: false } } },
    'partitioned',
  ],
  ['replica-identity', 'failed', { source: { replicaIdentity: 'n' } }, 'refuses UPDATE and DELETE'],
  ['replica-identity', 'warning', { source: { replicaIdentity: 'f' } }, 'FULL'],
  ['replica-identity', 'failed', { source: { replicaIdentity: 'i' } }, 'an index'],
  ['publication', 'failed', { source: { publication: null } }, 'no publication'],
  ['publication', 'failed', { source: { publication: { ...publication, allTables: true } } }, 'ALL TABLES'],
  [
    'publication',
    'failed',
    { source: { publication: { ...publication, tables: [...publication.tables, 'public.users'] } } },
    'also publishes public.users',
  ],
  [
    'publication-complete',
    'failed',
    { source: { publication: { ...publication, narrowed: true } } },
    'leaves rows',
  ],
  [
    'publication-operations',
    'failed',
    { source: { publication: { ...publication, everyOperation: false } } },
    'leaves out',
  ],
  ['connector-role', 'failed', { source: { role: null } }, 'no role connector'],
  [
    'connector-grants',
    'failed',
    { source: { role: { mayReplicate: true, missing: ['SELECT ON a.b', 'INSERT ON c.d'] } } },
    'SELECT ON a.b, INSERT ON c.d',
  ],
  ['connector-excess', 'warning', { connectorRole: { attributes: ['SUPERUSER'] } }, 'SUPERUSER'],
  ['signal-table', 'failed', { source: { signalTable: false } }, 'no table history_cdc_source.signal'],
  [
    'signal-table',
    'warning',
    { signalWriters: { grants: [signalGrant('INSERT', 'pod'), signalGrant('DELETE', 'pod')] } },
    'command the connector: "pod" (INSERT, DELETE)',
  ],
  [
    'signal-table',
    'warning',
    { signalWriters: { members: [{ role: sql`dump`, of: sql`pg_write_all_data` }] } },
    'dump (as a member of pg_write_all_data)',
  ],
  [
    'heartbeat-table',
    'failed',
    { legacyTable: { missingOfOurs: ['history_cdc_source.heartbeat.beat'] } },
    'history_cdc_source.heartbeat.beat',
  ],
  ['heartbeat-written', 'failed', { heartbeatRow: { kind: 'row', secondsAgo: 300 } }, '5 min ago'],
  ['slot-exists', 'failed', { source: { slot: null } }, 'no slot history_cdc'],
  ['slot-identity', 'failed', { source: { slot: { ...slot, database: 'other' } } }, 'database other'],
  ['slot-identity', 'failed', { server: { slot: { ...ourSlot, readBy: 'thief' } } }, 'read by thief'],
  ['slot-active', 'failed', { source: { slot: { ...slot, active: false } } }, 'nobody reads it'],
  ['slot-wal-status', 'failed', { source: { slot: { ...slot, walStatus: 'lost' } } }, 'lost'],
  [
    'slot-wal-status',
    'failed',
    { source: { slot: { ...slot, walStatus: 'unreserved' } } },
    'next checkpoint',
  ],
  ['slot-wal-status', 'warning', { source: { slot: { ...slot, walStatus: 'extended' } } }, 'extended'],
  ['slot-failover', 'warning', { server: { slot: { ...ourSlot, failover: false } } }, 'failover = false'],
  ['slot-position', 'failed', { slotPosition: { confirmed: '0/11' } }, '1 bytes ahead'],
  ['kafka-brokers', 'failed', { brokers: { brokers: 0 } }, '0 broker'],
  ['topics-exist', 'failed', { topics: { there: topics.there.slice(0, 3) } }, 'stands still for good'],
  ['topics-exist', 'failed', { topics: { there: topics.there.slice(1) } }, 'the history in it is gone'],
  ['topic-partitions', 'failed', topic({ partitions: 3 }), 'partitions is 3, must be 4'],
  ['topic-retention', 'failed', topic({ config: { 'retention.ms': '1000' } }), 'retention.ms is 1000'],
  [
    'topic-compression',
    'failed',
    topic({ config: { 'compression.type': 'zstd' } }),
    'compression.type is zstd',
  ],
  [
    'topic-cleanup',
    'failed',
    topic({ config: { 'cleanup.policy': 'compact' } }),
    'cleanup.policy is compact',
  ],
  [
    'topic-message-limit',
    'failed',
    topic({ config: { 'max.message.bytes': '1' } }),
    'max.message.bytes is 1',
  ],
  [
    'topic-replicas',
    'failed',
    { topics: { replicas: [{ name: 'x', copies: 3, inSync: 3, leaderless: 1 }] } },
    'without a leader: x',
  ],
  [
    'topic-replicas',
    'warning',
    { topics: { replicas: [{ name: 'x', copies: 3, inSync: 2, leaderless: 0 }] } },
    'lag: x',
  ],
  ['largest-row', 'failed', { largestRow: { bytes: 20_000_000 } }, 'its task will fail'],
  ['largest-row', 'warning', { largestRow: { bytes: 9_000_000, sample: 5 } }, 'a sample of 5.0 %'],
  ['connect-version', 'failed', { worker: { version: '3.5.2' } }, '3.5.2'],
  ['connect-cluster', 'failed', { worker: { kafkaClusterId: 'other' } }, 'the cluster other'],
  ['connect-plugin', 'failed', { plugins: [] }, 'PostgresConnector'],
  ['connector-exists', 'failed', { connector: { config: undefined } }, 'its topics are there'],
  [
    'connector-drift',
    'failed',
    { connector: { config: { ...healthyFacts().connector.config, 'tasks.max': '2', extra: 'x' } } },
    'tasks.max differs, extra is not ours',
  ],
  [
    'connector-tasks',
    'failed',
    {
      connector: {
        status: {
          connector: { state: 'RUNNING' },
          tasks: [{ id: 0, state: 'FAILED', trace: 'x.Y: no\n\tat z' }],
        },
      },
    },
    'task 0 FAILED: x.Y: no',
  ],
  [
    'connector-tasks',
    'failed',
    { connector: { status: { connector: { state: 'RUNNING' }, tasks: [] } } },
    'no task',
  ],
  ['heartbeat-arrives', 'failed', beat(hourAgo), '60 min ago'],
  ['heartbeat-arrives', 'failed', { proof: { heartbeat: undefined } }, 'none ever came'],
  ['task-moves', 'failed', beat(hourAgo), 'RUNNING, and nothing comes through'],
  ['initial-snapshot', 'failed', { proof: { snapshot: 'skipped' } }, 'the history may be missing'],
  ['initial-snapshot', 'warning', { proof: { snapshot: 'running' } }, 'under way'],
  ['topic-identity', 'failed', { dataTopic: { topicId: 'new' } }, 'deleted and made again'],
  ['topic-identity', 'failed', { dataTopic: { partitions: 8 } }, 'keys moved'],
  ['offsets-in-range', 'failed', { dataTopic: { marks: new Map([[0, { low: 11n, high: 12n }]]) } }, '0: 10'],
  ['gaps', 'failed', { gaps: [openGap] }, 'gap 3 (slot) since 1970-01-01'],
  [
    'projector-moves',
    'failed',
    {
      dataTopic: { marks: new Map([[0, { low: 0n, high: 30n }]]) },
      projection: { offsets: [{ topicId: 't', partition: 0, nextOffset: '10', secondsAgo: 300 }] },
    },
    '20 records behind, last commit 5 min ago',
  ],
  [
    'registry-schemas',
    'failed',
    { registry: { schemas: [{ subject: 's', there: true, problem: 'no summary' }] } },
    's: no summary',
  ],
  [
    'registry-schemas',
    'failed',
    { registry: { schemas: [{ subject: 's', there: false, problem: undefined }] } },
    'lost its schemas',
  ],
  ['canonical-server', 'failed', { canonical: { inRecovery: true } }, 'standby'],
  ['canonical-server', 'failed', { canonical: { mayWrite: false } }, 'default_transaction_read_only'],
  [
    'canonical-rows-visible',
    'failed',
    { canonicalHidden: [{ place: 'public.member_profiles', role: 'p', why: 'policies' }] },
    'row-level security on public.member_profiles applies to the role p',
  ],
  [
    'legacy-rows-visible',
    'failed',
    { legacyHidden: [{ place: 'public.agent_test_history', role: 'c', why: 'policies' }] },
    'row-level security on public.agent_test_history applies to the role c',
  ],
  ['canonical-tables', 'failed', { canonical: { missing: ['table public.x'] } }, 'table public.x'],
  ['canonical-index', 'warning', { canonical: { runsByAgent: false } }, 'whole table'],
  [
    'ledger-schema',
    'failed',
    { ledgerSchema: { kind: 'outdated', why: 'lacks 7', wayOut: 'run `history-cdc migrate`' } },
    'lacks 7',
  ],
  ['unique-keys', 'failed', { missingKeys: ['history_cdc.ledger (canonical_run_id)'] }, 'canonical_run_id'],
  [
    'projector-grants',
    'failed',
    {
      projectorRole: {
        missing: [{ place: 'public.agent_contexts', privilege: 'SELECT', columns: ['id'] }],
        missingOnSchema: ['USAGE ON SCHEMA history_cdc'],
      },
    },
    'USAGE ON SCHEMA history_cdc; SELECT (id) ON public.agent_contexts',
  ],
  [
    'projector-excess',
    'warning',
    { projectorRole: { rights: { ...healthyFacts().projectorRole.rights, attributes: ['SUPERUSER'] } } },
    'SUPERUSER',
  ],
  ['quarantine-empty', 'warning', { projection: { quarantined: 3 } }, '3 open'],
  ['clock-legacy', 'warning', { legacyClock: { aheadSeconds: 60 } }, '60.0 s ahead'],
  ['clock-canonical', 'warning', { canonicalClock: { aheadSeconds: -60 } }, '60.0 s behind'],
  ['clock-connect', 'warning', { connectClock: { aheadSeconds: 7 } }, '7.0 s ahead'],
];

/** The data topic with something otherwise. */
function topic(change: { partitions?: number; config?: Record<string, string> }): Patch {
  const [data, ...others] = topics.there;
  if (data === undefined) throw new Error('there is no topic');
  const there = [{ ...data, ...change, config: { ...data.config, ...change.config } }, ...others];
  return { topics: { there } };
}
