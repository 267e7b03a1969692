import { CONNECT_ERRORS } from './connect-error-codes.ts';
import { CONSOLE_ERRORS } from './console-error-codes.ts';
import { STACK_ERRORS } from './stack-error-codes.ts';
import { RETIRE_ERRORS } from './retire-error-codes.ts';
import { ARCHIVE_ERRORS } from './archive-error-codes.ts';

/** What a code means to the person who sees it: `cause` says what happened, `remedy` says what to do. */
export interface ErrorMeaning {
  readonly cause: string;
  readonly remedy: string;
}

/**
 * Every code of a fatal error, in the order of docs/errors.md, which is made from this file: after a change, run
 * `npm run docs:errors`. The message and the way out that an error prints name the details; these texts stand behind them.
 */
export const ERROR_GROUPS = {
  'Settings and machine': {
    CONFIG_INVALID: {
      cause: 'A setting is missing, or has a value that cannot be used.',
      remedy:
        'The message lists every wrong setting. `history-cdc config` lists all settings with their meaning.',
    },
    SINCE_UNKNOWN: {
      cause:
        'The moment of `reconcile --since` lies before every moment that is recorded, or in the future. So nobody can tell which rows have changed since.',
      remedy:
        'Name a later time, or compare everything with `history-cdc reconcile`. `project` and `reconcile` record such moments, and keep them for 7 days.',
    },
    USAGE: {
      cause:
        'The command line names a command or an option that does not exist, or a value that an option cannot have.',
      remedy: 'Run `history-cdc --help`, or the command with `--help`.',
    },
    UNEXPECTED: {
      cause:
        'history-cdc met an error that nobody has foreseen. Nothing that was not committed has been kept.',
      remedy: 'Report it with the whole message, and run the command again.',
    },
    DISK_FULL: {
      cause: 'A disk of the machine on which the command runs is full, or the quota of the user is used up.',
      remedy:
        'Make room, and run the command again. For the local stack, HISTORY_CDC_STATE_DIR names a folder on another disk.',
    },
    OUTPUT_FAILED: {
      cause: 'The answer of a command could not be written to stdout, for example because the disk is full.',
      remedy:
        'Make room, or redirect stdout elsewhere, and run the command again. What the command did has been done; only its answer is incomplete.',
    },
    HTTP_PORT_TAKEN: {
      cause: 'Another process uses the address for `/healthz`, `/readyz` and `/metrics`.',
      remedy: 'Set `HTTP_PORT` to a free port, or to 0 for any free port.',
    },
    CONSOLE_PORT_TAKEN: {
      cause:
        'Another process uses the address of `history-cdc console`, or this machine has no such address.',
      remedy: 'Set `CONSOLE_PORT` to a free port, or to 0 for any free port; check `CONSOLE_HOST`.',
    },
  },
  Postgres: {
    DATABASE_UNREACHABLE: {
      cause: 'Postgres does not answer, or refuses the login.',
      remedy:
        'Check `DATABASE_URL` and `LEGACY_DATABASE_URL` (`history-cdc config`), and `pg_hba.conf` on the server.',
    },
    DATABASE_UNFIT: {
      cause: 'The database lacks a table, a column, a function or a right that the command needs.',
      remedy: 'Run `history-cdc doctor`. It names what is missing, and prints the statements that add it.',
    },
    DATABASE_LOST: {
      cause: 'The connection to Postgres broke, or Postgres gave no answer in time.',
      remedy: 'Run the command again once the server answers. Nothing was left half done.',
    },
    DATABASE_BUSY: {
      cause:
        'A statement took longer than its time limit, or waited too long for a lock or for another transaction.',
      remedy:
        'Look at `pg_stat_activity` and `pg_locks` for what keeps the server busy, and run the command again.',
    },
    DATABASE_READ_ONLY: {
      cause:
        'Nobody may write to the database. A hosting service does that when the disk is full; a standby always does.',
      remedy:
        'Make room on the disk, or name the primary. A projector that is running waits and tries again; one that starts ends with this code.',
    },
    DATABASE_EXHAUSTED: {
      cause: 'Postgres has no connection, memory or disk left for the statement.',
      remedy: 'Make room (disk, `max_connections`, memory), and run the command again.',
    },
    DATABASE_ERROR: {
      cause: 'Postgres refused a statement for a reason that we did not expect.',
      remedy:
        'The message has the SQLSTATE and the names of the objects. It leaves out what may quote a value, so read the whole message in the log of the Postgres server. The transaction was rolled back.',
    },
    ROWS_HIDDEN: {
      cause:
        'Row-level security, a view, a foreign table or a partition may show the role fewer rows than there are, or the server is a standby. Rows that the role cannot see would be decided as if they did not exist.',
      remedy:
        '`history-cdc doctor` prints the statements: `BYPASSRLS` for the role, or a policy `FOR ALL TO` the role `USING (true)`. If the server is a standby, name the primary.',
    },
    SESSION_UNFIT: {
      cause:
        'The session does not keep the settings that our statements rely on: something sets them otherwise and we may not change them, or a pooler takes the session away.',
      remedy:
        'The message names the setting. Use `ALTER ROLE … RESET`, or connect to the server itself and not through the pooler.',
    },
    TIME_UNREADABLE: {
      cause:
        'A time has a form that we do not understand, so the row cannot be compared with live rows. Nothing was decided by it.',
      remedy:
        'If the time comes from Postgres, connect without the pooler. If it comes from the topic, report it as a fault of this program.',
    },
    SCHEMA_NOT_MIGRATED: {
      cause: 'The schema `history_cdc` is missing, or is older than this release.',
      remedy: 'Run `history-cdc migrate`.',
    },
  },
  'Kafka and its topics': {
    KAFKA_UNREACHABLE: {
      cause: 'No Kafka broker answers, or a broker did not answer in time.',
      remedy: 'Check `KAFKA_BROKERS`, and the settings for TLS and login that the message names.',
    },
    KAFKA_REFUSED: {
      cause:
        'The user of `KAFKA_SASL_USERNAME` may not read or create what the command needs, or may not use its consumer group.',
      remedy:
        'Give the user the right. For a consumer group, the message has the rule to paste. See "Security" in running.md.',
    },
    GROUP_TAKEN: {
      cause:
        'Another application is in the consumer group of `CONSUMER_GROUP`, and shares partitions out in another way. Kafka lets only members join that agree on one way.',
      remedy:
        'The message names the client and its host. Stop it, or give it a group of its own. Or set `CONSUMER_GROUP` to a name that nobody uses, for every projector of the database; no row is lost, because the offsets that count are in Postgres.',
    },
    TOPIC_MISSING: {
      cause: 'A topic that the command reads or writes does not exist.',
      remedy:
        '`history-cdc connector apply` creates it. Check `TOPIC_PREFIX` if the connector writes elsewhere. If the data topic was lost, the message has the steps that fill it again.',
    },
    TOPIC_UNFIT: {
      cause: 'A topic exists with another partition count, retention or clean-up policy than it must have.',
      remedy:
        'The message has one command per difference. `connector apply` never changes a topic that exists.',
    },
    TOPIC_COMPRESSION: {
      cause:
        'A batch of the topic is compressed in a way that this process cannot read: with a codec that this release does not know, with one whose library is not installed for this platform, or the batch is damaged. Nothing was skipped.',
      remedy:
        'The message names the batch and its codec. `npm ci` installs the libraries of the platform. A topic whose `compression.type` is `producer` keeps what the connector sent, which is not compressed by default. Batches that are in the topic stay as they are: they need a release that reads them, or a new topic with a whole snapshot.',
    },
    TOPIC_RECREATED: {
      cause:
        'The ledger belongs to another topic: this topic was deleted and made again, `TOPIC_PREFIX` is wrong, or this is an old process whose topic was the current one earlier. Stored offsets mean nothing in this topic.',
      remedy:
        'Correct the setting, or stop the old process. If the topic is really new, let the connector take a snapshot of the whole table into it, then run `history-cdc project --accept-new-topic`.',
    },
    SETTINGS_DIFFER: {
      cause: 'The projectors of this ledger decide by other values of the settings that the message names.',
      remedy: 'Set those values. If a change is meant: [running.md](running.md), "Settings that decide".',
    },
    PARTITIONS_CHANGED: {
      cause:
        'The partition count of the topic changed: keys moved to other partitions, and their order is lost.',
      remedy:
        'Make a new topic with a whole snapshot (running.md, "A new topic with a whole snapshot"), then run `history-cdc project --accept-new-topic`.',
    },
    OFFSET_OUT_OF_RANGE: {
      cause:
        'The next offset to read is not in the topic: records that were not read yet are gone, or the database was restored from a backup of another time.',
      remedy:
        'Make a new topic with a whole snapshot, then run `history-cdc project --accept-new-topic`. Set `retention.ms=-1` on the topic.',
    },
    TOPIC_TRUNCATED: {
      cause: 'The beginning of the topic was deleted, so part of the history is not in it.',
      remedy:
        'Make a new topic with a whole snapshot, then run `history-cdc project --accept-new-topic`. Set `retention.ms=-1` on the topic.',
    },
    TOPIC_CUT: {
      cause:
        'The end of a partition was cut off (an unclean leader election, a broker that lost its page cache), and new records have offsets that were read already.',
      remedy: 'Make a new topic with a whole snapshot, then run `history-cdc project --accept-new-topic`.',
    },
  },
  'Schema registry and records': {
    SCHEMA_REGISTRY: {
      cause:
        'The schema registry does not answer, or knows none of the schemas of what was read: it has lost them, or it is another registry.',
      remedy:
        'Restore the registry, with its schemas under their ids. Nothing was parked for this reason. If only the records that the message names are bad, they are parked as soon as a later record of their partition can be read.',
    },
    SCHEMA_UNUSABLE: {
      cause: 'The records lack a column that the projector reads, or show it with another type.',
      remedy:
        'Undo the change of the table, or upgrade this program. Then follow "The table was changed" in running.md.',
    },
    QUARANTINE_BREAKER: {
      cause:
        'More than `QUARANTINE_MAX_SHARE` of the last records would be quarantined. So many bad records usually have one cause.',
      remedy: 'Find the cause, or let the records in: see "Quarantine" in running.md.',
    },
    QUARANTINE_RECORD: {
      cause: 'The quarantine has no record with this id, or the record is healed or waived already.',
      remedy: '`history-cdc quarantine list --all` shows the state of every record.',
    },
  },
  'The stream as a whole': {
    SOURCE_TRUNCATED: {
      cause: 'The legacy table was truncated.',
      remedy:
        'Canonical rows stay as they are. If the truncate was meant, run `history-cdc project --accept-truncate <partition:offset>`; the message has the values.',
    },
    STREAM_BROKEN: {
      cause:
        'Server, timeline, publication, slot, its position or the topic are not those that the stream began with, so rows may be missing. `project`, `connector resume` and `connector apply` refuse to go on.',
      remedy: 'Follow the steps in the message. See "The watchdog stopped the projector" in runbook.md.',
    },
    GAP_OPEN: {
      cause:
        'A gap in the stream is open, and nobody has accepted to go on behind it. Or `--accept-gap` names a gap that is not open, or whose present state cannot be seen.',
      remedy: 'Follow the steps in the message. See "The watchdog stopped the projector" in runbook.md.',
    },
    FENCED: {
      cause:
        'Another projector, outside our consumer group, took the partition over. Or `undo` has taken rows back since the process started.',
      remedy:
        'Use one `CONSUMER_GROUP` for all projectors of a database. After an `undo`, start the command again if the rows are to come back.',
    },
    PROJECTOR_RUNNING: {
      cause: 'A projector is connected to the database, and the command needs the database for itself.',
      remedy: 'Stop every `project` and `replay`, and run the command again.',
    },
    SOAK_REFUSED: {
      cause:
        'An incident cannot be explained (its kind does not allow it, it goes on, or it does not exist), or an attestation is dated in the future or is not there to be taken back.',
      remedy:
        'Run `history-cdc soak`. It lists incidents and attestations; the message names what was refused.',
    },
    STAGE_NOT_ALLOWED: {
      cause:
        'The retirement of the legacy table is at another stage than the one that the command continues from.',
      remedy:
        'Run `history-cdc soak`. It shows the stage of today; the message names the stages that may follow it.',
    },
    NOT_CONFIRMED: {
      cause:
        'The command destroys something, and `--confirm` does not have the number or the name that it demands.',
      remedy: 'Look at the dry run, and confirm what it says.',
    },
    TEARDOWN_BLIND: {
      cause: 'Neither Kafka nor the canonical database says whether a projector is at work.',
      remedy: 'Make one of the two answer, and run `history-cdc teardown` again.',
    },
  },
  'Kafka Connect and the connector': CONNECT_ERRORS,
  'The end of the legacy table': RETIRE_ERRORS,
  'The archive': ARCHIVE_ERRORS,
  'Messages and the console': CONSOLE_ERRORS,
  'Local stack and demo': STACK_ERRORS,
} as const satisfies Readonly<Record<string, Readonly<Record<string, ErrorMeaning>>>>;

type Groups = typeof ERROR_GROUPS;
export type ErrorCode = { [G in keyof Groups]: keyof Groups[G] }[keyof Groups];
