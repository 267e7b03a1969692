/** How a check was seen red by breaking what it looks at, and green again by what it prints. */
export interface Seen {
  readonly brokenBy: string;
  /** What of its fix was carried out. */
  readonly mendedBy: string;
  /** Files of test/doctor: the first holds the test. */
  readonly where: string;
}

const OWN = 'server-settings.pg.test.ts';
const SOURCE = 'source.pg.test.ts';
const CANONICAL = 'canonical.pg.test.ts';
const POSTGRES = 'real.pg.test.ts';
const STACK = 'real.stack.test.ts';
const STATUS = '../status/status.stack.test.ts';

const SETTING = 'the setting';
const SQL = 'its SQL';
const RESTART = 'its ALTER SYSTEM, and a restart';
const SNAPSHOT = 'its new topic: delete --forget-offsets, slot and topics dropped, apply, project';

const seen = (where: string, brokenBy: string, mendedBy: string): Seen => ({ brokenBy, mendedBy, where });

export const SEEN: Readonly<Record<string, Seen>> = {
  'legacy-reachable': seen(POSTGRES, 'a port where nobody listens', SETTING),
  'legacy-version': seen(POSTGRES, 'a database in LATIN1', SETTING),
  'legacy-primary': seen(OWN, 'a server started as a standby', SETTING),
  'wal-level': seen(OWN, 'wal_level = replica', RESTART),
  'replication-slots-room': seen(OWN, 'one slot allowed, and taken', RESTART),
  'wal-senders-room': seen(OWN, 'max_wal_senders = 0', RESTART),
  'wal-cap': seen(OWN, 'max_slot_wal_keep_size = -1', SQL),
  'wal-runway': seen(STACK, 'connector stopped, 10 MiB of WAL a second', 'connector resume'),
  'slot-idle-timeout': seen(OWN, 'idle_replication_slot_timeout = 10min', SQL),
  'session-limits': seen(SOURCE, 'a statement_timeout of the database, transaction_timeout of the role', SQL),
  'slot-not-held': seen(OWN, 'synchronized_standby_slots = a slot that nobody reads', SQL),
  'long-transactions': seen(POSTGRES, 'an open transaction, taken for old', SQL),
  'prepared-transactions': seen(OWN, 'a prepared transaction, taken for ten minutes older', SQL),
  'legacy-table': seen(POSTGRES, 'another database', SETTING),
  'legacy-rows-visible': seen(SOURCE, "policies, permissive and restrictive, for the connector's role", SQL),
  'legacy-columns-sent': seen(SOURCE, 'a generated column', SQL),
  'legacy-key': seen(SOURCE, 'a key of two columns', 'the key made again'),
  'legacy-table-alone': seen('legacy-table-kinds.pg.test.ts', 'a table that inherits from it', SQL),
  'replica-identity': seen(SOURCE, 'NOTHING, FULL, another index, no primary key', SQL),
  publication: seen(
    SOURCE,
    'a table more, a table less, a row filter, a column list, without deletes, FOR ALL TABLES, TABLES IN SCHEMA, a partitioned table, dropped',
    'its SQL, the script',
  ),
  'connector-role': seen(SOURCE, 'NOREPLICATION', SQL),
  'connector-grants': seen(SOURCE, 'every grant revoked', SQL),
  'connector-excess': seen(SOURCE, 'attributes, membership, grants, a table owned, CREATE in public', SQL),
  'signal-table': seen(SOURCE, 'a column dropped, the table dropped', 'DROP TABLE, the script'),
  'heartbeat-table': seen(SOURCE, 'a column dropped', 'DROP TABLE, the script'),
  'heartbeat-written': seen(STACK, 'connector stopped, the row an hour old', 'connector resume'),
  'slot-exists': seen(STACK, 'dropped', SNAPSHOT),
  'slot-identity': seen(
    STACK,
    'a physical slot of its name; read by another role',
    'SLOT_NAME, connector apply; its SQL',
  ),
  'slot-active': seen(STACK, 'connector stopped', 'connector resume, restart'),
  'slot-wal-status': seen(OWN, 'unreserved and lost, by a bound of 16 MB', SQL),
  'slot-failover': seen(STACK, 'FAILOVER false', 'connector delete, ALTER_REPLICATION_SLOT, connector apply'),
  continuity: seen(
    STACK,
    'a slot that was advanced',
    'its steps: project --accept-gap, resume, snapshot start, reconcile',
  ),
  'kafka-reachable': seen(STACK, 'a port where nobody listens', SETTING),
  'kafka-brokers': seen(STACK, 'TOPIC_REPLICATION=3', 'the setting that it prints'),
  'topics-exist': seen(
    STACK,
    "the heartbeat's topic deleted; the data topic deleted",
    `apply && restart; ${SNAPSHOT}`,
  ),
  'topic-settings': seen(
    STACK,
    "TOPIC_PARTITIONS=4; retention, clean-up, compression and message limit; the heartbeat's topic with two partitions",
    'the setting that it prints; its kafka-configs.sh; topic deleted, apply && restart',
  ),
  'largest-row': seen(POSTGRES, 'a row of 17 MB', 'its sed, in a copy of the checkout'),
  'connect-reachable': seen(STACK, 'a port where nobody listens', SETTING),
  'connector-exists': seen(STACK, 'deleted', 'connector apply'),
  'connector-drift': seen(STACK, 'a setting changed in Kafka Connect', 'connector apply'),
  'connector-tasks': seen(
    STACK,
    'a task that failed at a row; connector stopped',
    'connector restart; resume',
  ),
  'heartbeat-arrives': seen(
    STACK,
    'heartbeat not published, its topic empty',
    'the check that it names, connector restart, apply',
  ),
  'group-ours': seen(STATUS, 'a client of another application in the group', 'the client stopped'),
  'projector-runs': seen(STATUS, 'stopped, while rows came', 'project'),
  verdict: seen(STATUS, 'a canonical row changed; none compared', 'reconcile'),
  'initial-snapshot': seen(STACK, 'the notifications deleted', SNAPSHOT),
  'topic-identity': seen(STACK, 'the data topic made again', SNAPSHOT),
  'offsets-in-range': seen(STACK, 'stored offsets beyond the end', SNAPSHOT),
  'projector-moves': seen(STACK, 'records wait, the last commit ten minutes old', 'project'),
  'registry-reachable': seen(STACK, 'a port where nobody listens, a server that is none', SETTING),
  'registry-pair': seen(STACK, 'one of the two not set', SETTING),
  'registry-schemas': seen(STACK, 'a subject deleted', 'the subject restored'),
  'canonical-reachable': seen(POSTGRES, 'a port where nobody listens', SETTING),
  'canonical-server': seen(OWN, 'a server started as a standby; a database in LATIN1', SETTING),
  'canonical-tables': seen(POSTGRES, 'another database', SETTING),
  'canonical-rows-visible': seen(CANONICAL, 'policies forced on the role; a materialized view', SQL),
  'canonical-index': seen(CANONICAL, 'dropped', SQL),
  'ledger-schema': seen(POSTGRES, 'the schema of the release before', 'migrate'),
  'unique-keys': seen(CANONICAL, 'each of the six dropped', SQL),
  'projector-grants': seen(CANONICAL, 'no grant, and grants revoked', 'its SQL, migrate --grant-to'),
  'projector-excess': seen(
    POSTGRES,
    'grants too many; the owner of the tables projects',
    'its SQL; a role of its own',
  ),
  'quarantine-empty': seen(POSTGRES, 'a value that was left out', 'quarantine retry --apply'),
};

/** What no test of one machine can break: seen red by facts alone (red-facts.ts). */
const IN_STATUS = 'seen in test/status/next-step.test.ts';

export const BY_FACTS: Readonly<Record<string, string>> = {
  snapshot: 'its verdicts are seen in test/snapshot/snapshot.stack.test.ts',
  ...Object.fromEntries(
    [...['lag-late', 'rows-counted', 'stragglers', 'sweeper-late', 'sweep-failed', 'twins-blocked']].map(
      (id) => [id, IN_STATUS],
    ),
  ),
  'retirement-stage': 'each contradiction is seen in test/retire/stage-check.pg.test.ts',
  'webhook-delivered': 'its states are seen in test/webhook/delivery.pg.test.ts',
  'deciding-settings': 'seen in test/stream/deciding-settings.pg.test.ts',
  verification: 'its states are seen in test/verification/standing.pg.test.ts',
  'topic-replicas': 'takes a second broker',
  'connect-version': 'takes a Kafka Connect before 3.6',
  'connect-cluster': 'takes a second Kafka cluster',
  'connect-plugin': 'takes Kafka Connect started twice, without a plugin and with it',
  'clock-legacy': 'all servers of a test have the clock of one machine',
  'clock-canonical': 'all servers of a test have the clock of one machine',
  'clock-connect': 'all servers of a test have the clock of one machine',
};
