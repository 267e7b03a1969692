import pg from 'pg';
import type { ErrorCode } from './error-codes.ts';
import { FatalError, mayQuoteValues } from './errors.ts';
import { ConnectionLost } from './postgres-session.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly what: string;
  readonly wayOut: string;
}

/** By SQLSTATE or by its class. A longer key takes precedence. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  '08': lostConnection(),
  '57P': lostConnection(),
  '28': {
    code: 'DATABASE_UNREACHABLE',
    what: 'Postgres refused the login',
    wayOut: 'check DATABASE_URL and LEGACY_DATABASE_URL (`history-cdc config`), and pg_hba.conf',
  },
  '3D': {
    code: 'DATABASE_UNREACHABLE',
    what: 'the server has no database of that name',
    wayOut: 'check DATABASE_URL and LEGACY_DATABASE_URL (`history-cdc config`)',
  },
  '42501': {
    code: 'DATABASE_UNFIT',
    what: 'the role lacks a right',
    wayOut:
      '`history-cdc doctor` names every right that is missing; `history-cdc connector sql --projector` and `migrate --grant-to` print and give them',
  },
  '42': {
    code: 'DATABASE_UNFIT',
    what: 'an object that the statement names is missing, or is defined differently',
    wayOut: 'run `history-cdc doctor`: it names tables, columns and functions that are missing',
  },
  '3F': {
    code: 'DATABASE_UNFIT',
    what: 'the database lacks a schema that the statement names',
    wayOut: 'run `history-cdc doctor`, and `history-cdc migrate` if the schema history_cdc is missing',
  },
  '25006': {
    code: 'DATABASE_READ_ONLY',
    what: 'the database allows no writes; hosting services do that when the disk is full, and a standby always does',
    wayOut:
      'make room on the disk, or turn default_transaction_read_only off (`SHOW default_transaction_read_only`), or name the primary; then run the command again',
  },
  '57014': {
    code: 'DATABASE_BUSY',
    what: 'a statement exceeded its time limit, or somebody cancelled it',
    wayOut:
      'look for what keeps the server busy (`SELECT * FROM pg_stat_activity`), and run the command again',
  },
  '25P': {
    code: 'DATABASE_BUSY',
    what: 'Postgres ended a transaction that was idle or took too long',
    wayOut:
      'run the command again; if it happens again, the machine of the command is too busy or suspended too often',
  },
  '40': {
    code: 'DATABASE_BUSY',
    what: 'another transaction conflicted with this one',
    wayOut: 'run the command again',
  },
  '55': {
    code: 'DATABASE_BUSY',
    what: 'another session holds what the statement needs',
    wayOut: 'look for who holds it (`SELECT * FROM pg_locks WHERE granted`), and run the command again',
  },
  '53': {
    code: 'DATABASE_EXHAUSTED',
    what: 'Postgres has no connection, memory or disk left',
    wayOut: 'make room (disk, max_connections, memory), and run the command again',
  },
};

const UNEXPECTED: Meaning = {
  code: 'DATABASE_ERROR',
  what: 'Postgres refused a statement',
  wayOut:
    'look into the log of the Postgres server, which has the whole message; nothing of the transaction was done',
};

function lostConnection(): Meaning {
  return {
    code: 'DATABASE_LOST',
    what: 'the connection to Postgres broke',
    wayOut: 'run the command again once the server answers; nothing was left half done',
  };
}

function isDiskFull(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

function diskFull(cause: Error): FatalError {
  return new FatalError({
    code: 'DISK_FULL',
    message: `a disk of this machine is full: ${cause.message}`,
    wayOut:
      'make room (`df -h` shows where it lacks), and run the command again; for the local stack, HISTORY_CDC_STATE_DIR names a folder on another disk',
    cause,
  });
}

/** The function of Postgres that refuses a statement whose rows a policy would filter. */
const ROW_SECURITY = 'check_enable_rls';

/**
 * Turns an error of Postgres or of its driver, and a full disk, into one with a code and a way out, at the edge of a
 * command; undefined for every other error. It shows no value of a row: it leaves out messages of Postgres that may quote one, and all
 * details and hints.
 */
export function namedError(error: unknown): FatalError | undefined {
  if (error instanceof FatalError) return error;
  if (error instanceof ConnectionLost) return named(lostConnection(), error.message, error);
  if (isDiskFull(error)) return diskFull(error);
  if (!(error instanceof pg.DatabaseError)) return undefined;
  const { code: state = '', message, routine } = error;
  if (state === '42501' && routine === ROW_SECURITY) {
    return new FatalError({
      code: 'ROWS_HIDDEN',
      message: `row-level security would hide rows from us: ${message}`,
      wayOut:
        '`history-cdc doctor` names table and role, and prints the statement that shows the role every row',
      cause: error,
    });
  }
  const meaning = [state, state.slice(0, 3), state.slice(0, 2)].map((key) => MEANINGS[key]).find(Boolean);
  return named(meaning ?? UNEXPECTED, describe(error), error);
}

function describe(error: pg.DatabaseError): string {
  const { code = '', message, schema, table, column, constraint } = error;
  const names = Object.entries({ schema, table, column, constraint }).flatMap(([what, name]) =>
    name === undefined ? [] : [`${what} ${name}`],
  );
  const said = mayQuoteValues(error) ? names : [message];
  return [`SQLSTATE ${code}`, ...said].join(', ');
}

function named({ code, what, wayOut }: Meaning, detail: string, cause: Error): FatalError {
  return new FatalError({ code, message: `${what} (${detail})`, wayOut, cause });
}
