import { healthyFacts } from './healthy.ts';
import { signalGrant, type Red } from './patched.ts';
import { RED_SERVICES } from './red-service-facts.ts';
import { sql } from '../../lib/quoting.ts';

const { source, server } = healthyFacts();
const slot = source.slot;
const ourSlot = server.slot;
const { publication } = source;
if (slot === null || ourSlot === null || publication === null)
  throw new Error('the healthy facts lack something');
const long = { pid: 7, role: 'app', application: 'x', state: 'idle in transaction', seconds: 7_200 };

/** The legacy database first, then the services. */
export const RED: readonly Red[] = [
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
  ...RED_SERVICES,
];
