/**
 * What an error of the database work is, by class and code, and never by its text: whose fault it is decides whether
 * the same work is tried again, whether one row is put aside, or whether the process ends.
 */
import pg from 'pg';
import { ConnectionLost } from './postgres-session.ts';

/** Rows changed between our reading and our writing them: the transaction is rolled back, and may pass when it begins anew. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
}

/** A canonical row was not written, without an error: a trigger of the application returned NULL. */
class KeptOut extends Error {
  override readonly name = 'KeptOut';
}

/** The same of a row that was to be changed or removed (migrations/0017-application-machinery.sql). */
const KEPT_AS_IT_WAS = 'RT001';

/** Holds a statement to what it was to write. `keptOut`: rows that it was to insert, and that are not there. */
export function assertNoneKeptOut(keptOut: number): void {
  if (keptOut > 0) throw new KeptOut(`a trigger kept out ${String(keptOut)} canonical rows`);
}

/** True where a trigger of the application refused the row by doing nothing. */
export function isKeptOut(error: unknown): boolean {
  return error instanceof KeptOut || sqlState(error) === KEPT_AS_IT_WAS;
}

/** The five-character SQLSTATE of a Postgres error, or undefined where the error is not one. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/**
 * - `row`: the row that was written is refused. It is put aside, and all others flow.
 * - `environment`: the same work passes once the environment does.
 * - `slow`: the statement or the transaction ran out of time. Less of the same work may pass.
 * - `race`: another session was in the way. It passes when tried again; what is refused each time is the row's.
 * - `program`: a fault of this program, or of what it was given (a right, a table): nothing is gained by trying again.
 */
export type Blame = 'row' | 'environment' | 'slow' | 'race' | 'program';

/**
 * Connection, transaction state (read only among it), rollback, resources, operator, system. Postgres gives most of them to
 * whoever is in the way of others, so they are the environment's in a trigger of the application, too: where a trigger raises
 * one of them itself, each time, its partition waits and says so.
 */
const ENVIRONMENT = new Set(['08', '25', '40', '53', '57', '58']);
const LOCK_NOT_AVAILABLE = '55P03';
/** The state of an object: the environment's in a statement of ours, the row's where a trigger raises it. */
const OBJECT_STATE = '55';
/** `statement_timeout` (or a person) cancelled the statement; `transaction_timeout` ended the session. */
const SLOW = new Set(['57014', '25P04']);
const UNIQUE_VIOLATION = '23505';
/**
 * Classes that no row's values bring about: rights, names, syntax, roles, cursors, features, foreign servers, damage. Every
 * other class is the row's, and so is every code that an application has made up for its triggers.
 */
const NOT_OF_A_ROW = new Set('03 0A 0B 0L 0P 20 24 26 28 2B 2D 34 3B 3D 3F 42 72 F0 HV XX'.split(' '));

export function blameOf(error: unknown): Blame {
  if (error instanceof Conflict) return 'race';
  if (error instanceof ConnectionLost) return 'environment';
  if (error instanceof KeptOut) return 'row';
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return 'program';
  const { code } = error;
  if (SLOW.has(code)) return 'slow';
  const family = code.slice(0, 2);
  if (ENVIRONMENT.has(family) || code === LOCK_NOT_AVAILABLE) return 'environment';
  if (family === OBJECT_STATE) return applicationFunction(error) === undefined ? 'environment' : 'row';
  // Of a key of ours: two sessions that claim one canonical row. A key of the application refuses the row.
  if (code === UNIQUE_VIOLATION && error.schema === 'history_cdc') return 'race';
  if (NOT_OF_A_ROW.has(family)) return applicationFunction(error) === undefined ? 'program' : 'row';
  return 'row';
}

/** True where Postgres refuses one row, whatever else there is in the transaction. */
export function isRowFault(error: unknown): boolean {
  return blameOf(error) === 'row';
}

/** The same of a SQLSTATE alone, of a statement that runs no function of the application. */
export function isRowState(state: string): boolean {
  const family = state.slice(0, 2);
  return !ENVIRONMENT.has(family) && family !== OBJECT_STATE && !NOT_OF_A_ROW.has(family);
}

/** True where the same work may pass later, as it is. */
export function isEnvironmentError(error: unknown): boolean {
  const blame = blameOf(error);
  return blame === 'environment' || blame === 'slow' || blame === 'race';
}

/** What refused a row: its code and the name of the constraint or the function, and no value. */
export function refusalOf(error: unknown): string {
  if (isKeptOut(error)) return 'a trigger kept it from being written';
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.name : 'unknown';
  const { code = '?', constraint, schema, table } = error;
  const raisedBy = applicationFunction(error);
  // A function may put any text into the other fields.
  if (raisedBy !== undefined) return `SQLSTATE ${code}, raised in ${raisedBy}`;
  if (constraint === undefined) return `SQLSTATE ${code}`;
  return `SQLSTATE ${code}, ${constraint} of ${schema ?? '?'}.${table ?? '?'}`;
}

/**
 * The innermost function that was running, where it is none of ours: a trigger of the application. Postgres says so in its
 * context, whose words follow `lc_messages`; the names of functions do not. What is in quotes is a statement, or a name.
 */
function applicationFunction({ where }: pg.DatabaseError): string | undefined {
  const name = /([\w.$]*)\(/.exec(where?.replaceAll(/"[^"]*"/g, '') ?? '')?.[1];
  if (name === undefined || name.startsWith('history_cdc.')) return undefined;
  // Whether the schema is told depends on the path of the function that is around it.
  return name === '' ? 'a function' : `${name.replace(/^public\./, '')}()`;
}
