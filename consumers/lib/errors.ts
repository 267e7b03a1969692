import pg from 'pg';

/**
 * Two families of errors, and no third: a fatal one ends the process and names the way out, a transient one is
 * retried with backoff. A record that cannot be decoded or mapped is neither: it is data, and is quarantined.
 * Callers branch on the class and the code, never on the text.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: 'a setting is missing or has a value that cannot be used',
  DATABASE_UNREACHABLE: 'Postgres does not answer, or refuses the login',
  DATABASE_UNFIT: 'the database lacks tables, columns or rights that the command needs',
  DATABASE_LOST: 'the connection to Postgres broke, or Postgres gave no answer in time',
  DATABASE_BUSY:
    'a statement took longer than it may, or waited too long for a lock or for another transaction',
  DATABASE_READ_ONLY: 'the database does not let us write: a standby, a full disk, or a setting of the role',
  DATABASE_EXHAUSTED: 'Postgres has no connection, memory or disk left for the statement',
  DATABASE_ERROR: 'Postgres refused a statement for a reason that we did not expect',
  ROWS_HIDDEN:
    'a policy, a view, a foreign table or a standby may show less than all rows to the role that reads them',
  SESSION_UNFIT: 'the session at Postgres does not keep the settings that our statements rest on',
  TIME_UNREADABLE: 'a time has a form that we do not understand, so that nothing can be decided by it',
  SCHEMA_NOT_MIGRATED: 'the schema history_cdc is missing or older than this release',
  KAFKA_UNREACHABLE: 'no Kafka broker answers',
  KAFKA_REFUSED: 'the user that logs in to Kafka may not do what the command needs',
  TOPIC_MISSING: 'a topic that the command reads or writes does not exist',
  TOPIC_UNFIT: 'a topic exists with another partition count, retention or clean-up than it must have',
  TOPIC_RECREATED: 'the topic was deleted and made again: stored offsets mean nothing in it',
  PARTITIONS_CHANGED: 'the partition count of the topic changed: keys moved, their order is lost',
  OFFSET_OUT_OF_RANGE: 'the next offset to read is no longer, or not yet, in the topic',
  TOPIC_CUT: 'the end of a partition was cut off, and it has grown again over offsets that were read already',
  TOPIC_TRUNCATED: 'the beginning of the topic has been deleted, so part of the history is not in it',
  SOURCE_TRUNCATED: 'the legacy table was truncated',
  STREAM_BROKEN:
    'server, publication, slot or topic are not those that the stream began with: rows may be missing',
  GAP_OPEN: 'a gap in the stream is open that nobody has accepted, or none is open that was to be accepted',
  QUARANTINE_BREAKER: 'more records than QUARANTINE_MAX_SHARE allows would go to the quarantine',
  QUARANTINE_RECORD: 'the quarantine has no such record, or its state does not allow what was asked',
  FENCED: 'another projector took the partition over, or `undo` took rows back since the process started',
  PROJECTOR_RUNNING: 'a projector is at work on the database, and the command needs it to itself',
  NOT_CONFIRMED: 'the command destroys something, and what was confirmed is not what it would destroy',
  SCHEMA_REGISTRY: 'the schema registry does not answer, or does not know a schema id',
  SCHEMA_UNUSABLE: 'the records lack a column that the projector reads, or show it with another type',
  CONNECT_UNREACHABLE: "Kafka Connect's REST interface does not answer",
  CONNECT_REFUSED: "Kafka Connect's REST interface does not let this command in",
  CONNECTOR_ABSENT: 'Kafka Connect has no such connector, or lacks its plugin',
  CONNECTOR_REJECTED: 'Kafka Connect refused the connector configuration',
  CONNECTOR_FAILED: 'the connector or its task failed',
  CONNECTOR_INCOMPLETE: 'the connector streams, and its initial snapshot was never completed',
  CONNECTOR_UNREADABLE: 'what the connector writes cannot be decoded with the registry that is configured',
  CONNECTOR_SILENT: 'the connector says RUNNING, and nothing comes through its topics',
  SNAPSHOT_RUNNING: 'a snapshot of the table is under way, and a second one is not started beside it',
  STACK_PREREQUISITE: 'something that the local stack needs is missing on this machine',
  STACK_SERVER_FAILED: 'a server of the local stack did not start',
  STACK_BUSY: 'another process has been starting or stopping the same stack for too long',
  STACK_ABSENT: 'no local stack is up in this checkout',
  HTTP_PORT_TAKEN: 'the address for /healthz, /readyz and /metrics is in use',
  DEMO_FAILED: 'a step of the demo did not come to its end',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Where an error happened: topic, partition, offset, key, table …; never a row's values. */
export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

interface ErrorDetails {
  readonly code: ErrorCode;
  readonly message: string;
  /** What the reader does next, as one sentence or command. */
  readonly wayOut: string;
  readonly facts?: Facts;
  readonly cause?: unknown;
}

/** Ends the process with exit code 2. */
export class FatalError extends Error {
  override readonly name = 'FatalError';
  readonly code: ErrorCode;
  readonly wayOut: string;
  readonly facts: Facts;

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.wayOut = details.wayOut;
    this.facts = details.facts ?? {};
  }
}

/** The environment failed for the moment; the same work is tried again, whole. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  readonly facts: Facts;

  constructor(message: string, options: { readonly facts?: Facts; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.facts = options.facts ?? {};
  }
}

/** Classes of SQLSTATE in which a message of Postgres speaks of names only: connection, login, objects, resources. */
const WITHOUT_VALUES = /^(08|25|28|3D|3F|40|42|53|55|57)/;
/** Source files of the procedural languages: there, the text of an error is what a function of the application wrote. */
const RAISED = /^pl(_exec|py_|perl|tcl|v8)/;

/**
 * True where the message of a Postgres error may quote the value of a row: in every class that is about values, and where a
 * function of the application raised the error, whatever code it gave.
 */
export function mayQuoteValues({ code = '', file = '' }: pg.DatabaseError): boolean {
  return !WITHOUT_VALUES.test(code) || RAISED.test(file);
}

/**
 * The text of anything thrown, as it may be logged: of an AggregateError (a refused connection on both address families) its
 * parts, and of a Postgres error that may quote a row its SQLSTATE alone. Logs would hold personal data otherwise.
 */
export function messageOf(error: unknown): string {
  if (error instanceof pg.DatabaseError && mayQuoteValues(error)) return `SQLSTATE ${error.code ?? '?'}`;
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
