import { healthyFacts } from './healthy.ts';
import { signalGrant, type Red } from './patched.ts';
import { RED_SERVICES } from './red-service-facts.ts';
import { sql } from '../../lib/quoting.ts';

const { publication } = healthyFacts();
if (publication === null) throw new Error('the healthy facts lack something');
const long = { pid: 7, role: 'app', application: 'x', state: 'idle in transaction', seconds: 7_200 };

/** The legacy database first, then the services. */
export const RED: readonly Red[] = [
  ['legacy-version', 'failed', { server: { version: 130_011 } }, 'Postgres 13.11'],
  ['legacy-version', 'failed', { server: { encoding: 'LATIN1' } }, 'LATIN1'],
  ['legacy-primary', 'failed', { server: { inRecovery: true } }, 'standby'],
  ['wal-level', 'failed', { server: { walLevel: 'replica' } }, 'wal_level = replica'],
  ['replication-slots-room', 'failed', { slot: null, server: { slotsInUse: 10 } }, '10 of 10'],
  ['wal-senders-room', 'failed', { slot: { active: false }, server: { sendersInUse: 10 } }, '10 of 10'],
  ['wal-cap', 'failed', { server: { capMegabytes: -1 } }, 'fills the disk'],
  ['wal-cap', 'warning', { server: { capMegabytes: 64 } }, '64 MiB'],
  [
    'wal-runway',
    'failed',
    {
      slot: { active: false, bytesLeft: 1_048_576_000 },
    },
    'given up in 17 min',
  ],
  [
    'wal-runway',
    'warning',
    { slot: { retainedBytes: 10_000_000_000, bytesLeft: 40_000_000_000 } },
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
      slot: { active: false, inactiveSeconds: 600 },
      server: { idleTimeoutSeconds: 1_800 },
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
  [
    'legacy-table-alone',
    'failed',
    { legacyTable: { inheriting: [sql`public.child`] } },
    'public.child inherit',
  ],
  ['legacy-key', 'failed', { legacyTable: { keyColumns: ['id', 'started_at'] } }, '(id, started_at)'],
  [
    'publication',
    'failed',
    { legacyTable: { partitioned: true }, publication: { viaRoot: false } },
    'partitioned',
  ],
  ['replica-identity', 'failed', { legacyTable: { replicaIdentity: 'n' } }, 'refuses UPDATE and DELETE'],
  ['replica-identity', 'warning', { legacyTable: { replicaIdentity: 'f' } }, 'FULL'],
  ['replica-identity', 'failed', { legacyTable: { replicaIdentity: 'i' } }, 'an index'],
  ['publication', 'failed', { publication: null }, 'no publication'],
  ['publication', 'failed', { publication: { allTables: true } }, 'ALL TABLES'],
  [
    'publication',
    'failed',
    { publication: { tables: [...publication.tables, 'public.users'] } },
    'also publishes public.users',
  ],
  ['publication', 'failed', { publication: { narrowed: true } }, 'leaves rows or columns out'],
  ['publication', 'failed', { publication: { everyOperation: false } }, 'leaves out'],
  ['connector-role', 'failed', { connectorRole: null }, 'no role connector'],
  [
    'connector-grants',
    'failed',
    {
      connectorRole: {
        missing: [
          { place: 'a.b', privilege: 'SELECT', columns: null },
          { place: 'c.d', privilege: 'INSERT', columns: null },
        ],
      },
    },
    'SELECT ON a.b, INSERT ON c.d',
  ],
  ['connector-excess', 'warning', { connectorRole: { attributes: ['SUPERUSER'] } }, 'SUPERUSER'],
  [
    'signal-table',
    'failed',
    { ourTables: { signal: { there: false, missing: [] } } },
    'no table history_cdc_source.signal',
  ],
  [
    'signal-table',
    'warning',
    { signalWriters: { grants: [signalGrant('INSERT', 'pod'), signalGrant('DELETE', 'pod')] } },
    '"pod" (INSERT, DELETE)',
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
    { ourTables: { heartbeat: { there: true, missing: ['beat'] } } },
    'history_cdc_source.heartbeat.beat',
  ],
  ['heartbeat-written', 'failed', { heartbeatRow: { kind: 'row', secondsAgo: 300 } }, '5 min ago'],
  ['slot-exists', 'failed', { slot: null }, 'no slot history_cdc'],
  ['slot-identity', 'failed', { slot: { database: 'other' } }, 'database other'],
  ['slot-identity', 'failed', { slot: { readBy: 'thief' } }, 'read by thief'],
  ['slot-active', 'failed', { slot: { active: false } }, 'nobody reads it'],
  ['slot-wal-status', 'failed', { slot: { walStatus: 'lost' } }, 'lost'],
  ['slot-wal-status', 'failed', { slot: { walStatus: 'unreserved' } }, 'next checkpoint'],
  ['slot-wal-status', 'warning', { slot: { walStatus: 'extended' } }, 'extended'],
  ['slot-failover', 'warning', { slot: { failover: false } }, 'failover = false'],
  ['continuity', 'failed', { slot: { confirmed: '0/11' } }, '1 bytes of WAL lie between'],
  ['kafka-brokers', 'failed', { brokers: { brokers: 0 } }, '0 broker'],
  ['kafka-brokers', 'warning', { brokers: { brokers: 3 } }, 'with one copy'],
  ...RED_SERVICES,
];
