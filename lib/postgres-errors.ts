/**
 * Judges an error of the database work by its class and code, and never by its text. The judgement says whether the
 * same work is tried again, whether one row is parked, or whether the process ends.
 */
import pg from 'pg';
import { isRaised } from './errors.ts';
import { ConnectionLost } from './postgres-session.ts';

/**
 * Rows changed between our read and our write. The transaction is rolled back, and may succeed when it starts again.
 */
export class Conflict extends Error {
  override readonly name = 'Conflict';
}

/** A trigger of the application returned NULL, so a canonical row was not written, and there was no error. */
class KeptOut extends Error {
  override readonly name = 'KeptOut';
}

/**
 * The SQLSTATE for the same case when a row was to be changed or removed (migrations/0017-application-machinery.sql).
 */
const KEPT_AS_IT_WAS = 'RT001';

/**
 * Throws if a statement wrote fewer rows than it should. `keptOut` counts the rows that it should have inserted and
 * that are missing.
 */
export function assertNoneKeptOut(keptOut: number): void {
  if (keptOut > 0) throw new KeptOut(`a trigger kept out ${String(keptOut)} canonical rows`);
}

/** True if a trigger of the application refused the row by doing nothing. */
export function isKeptOut(error: unknown): boolean {
  return error instanceof KeptOut || sqlState(error) === KEPT_AS_IT_WAS;
}

/** The five-character SQLSTATE of a Postgres error; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/**
 * - `row`: Postgres refuses the row that was written. The row is parked, and all others flow.
 * - `environment`: the same work succeeds as soon as the environment allows it.
 * - `slow`: the statement or the transaction exceeded its time limit. A smaller part of the same work may succeed.
 * - `race`: another session conflicted with us. The work succeeds when tried again; what fails each time is the row's
 *   fault.
 * - `program`: a fault of this program, or of its surroundings (a right, a table). Trying again does not help.
 */
export type Blame = 'row' | 'environment' | 'slow' | 'race' | 'program';

/**
 * Connection, transaction state (here, only read-only), rollback, resources, operator, system. Postgres gives most of
 * these codes to a session that was in the way of others. So they count as the environment's fault inside a trigger of
 * the application, too, unless the trigger itself raised the code: it would do so each time, and its partition would wait
 * for ever.
 */
const ENVIRONMENT = new Set(['08', '25', '40', '53', '57', '58']);
const LOCK_NOT_AVAILABLE = '55P03';
/** The state of an object: the environment's fault in a statement of ours, the row's fault if a trigger raises it. */
const OBJECT_STATE = '55';
/** `statement_timeout` (or a person) cancelled the statement, or `transaction_timeout` ended the session. */
const SLOW = new Set(['57014', '25P04']);
const UNIQUE_VIOLATION = '23505';
/**
 * Classes that no value of a row can cause: rights, names, syntax, roles, cursors, features, foreign servers, damage.
 * Every other class is the row's fault, and so is every code that an application has invented for its triggers.
 */
const NOT_OF_A_ROW = new Set('03 0A 0B 0L 0P 20 24 26 28 2B 2D 34 3B 3D 3F 42 72 F0 HV XX'.split(' '));

export function blameOf(error: unknown): Blame {
  if (error instanceof Conflict) return 'race';
  if (error instanceof ConnectionLost) return 'environment';
  if (error instanceof KeptOut) return 'row';
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return 'program';
  const { code } = error;
  if (isRaised(error) && applicationFunction(error) !== undefined) return 'row';
  if (SLOW.has(code)) return 'slow';
  const family = code.slice(0, 2);
  if (ENVIRONMENT.has(family) || code === LOCK_NOT_AVAILABLE) return 'environment';
  if (family === OBJECT_STATE) return applicationFunction(error) === undefined ? 'environment' : 'row';
  // A conflict on a key of ours means that two sessions claim one canonical row. A conflict on a key of the application
  // is the row's fault.
  if (code === UNIQUE_VIOLATION && error.schema === 'history_cdc') return 'race';
  if (NOT_OF_A_ROW.has(family)) return applicationFunction(error) === undefined ? 'program' : 'row';
  return 'row';
}

export function isRowFault(error: unknown): boolean {
  return blameOf(error) === 'row';
}

/** Judges a SQLSTATE alone, of a statement that runs no function of the application. */
export function isRowState(state: string): boolean {
  const family = state.slice(0, 2);
  return !ENVIRONMENT.has(family) && family !== OBJECT_STATE && !NOT_OF_A_ROW.has(family);
}

/** True if the same work may succeed later without a change. */
export function isEnvironmentError(error: unknown): boolean {
  const blame = blameOf(error);
  return blame === 'environment' || blame === 'slow' || blame === 'race';
}

/** What refused a row: the code and the name of the constraint or function. It contains no value. */
export function refusalOf(error: unknown): string {
  if (isKeptOut(error)) return 'a trigger kept it from being written';
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.name : 'unknown';
  const { code = '?', constraint, schema, table } = error;
  const raisedBy = applicationFunction(error);
  // The function of the application may have put any text into the other fields.
  if (raisedBy !== undefined) return `SQLSTATE ${code}, raised in ${raisedBy}`;
  if (constraint === undefined) return `SQLSTATE ${code}`;
  return `SQLSTATE ${code}, ${constraint} of ${schema ?? '?'}.${table ?? '?'}`;
}

/**
 * The innermost function that was running, if it is not one of ours: then it is a trigger of the application. It is
 * read from the error's context. The words of the context depend on `lc_messages`, but function names do not. Quoted
 * parts are statements or names, and are removed.
 */
function applicationFunction({ where }: pg.DatabaseError): string | undefined {
  const name = /([\w.$]*)\(/.exec(where?.replaceAll(/"[^"]*"/g, '') ?? '')?.[1];
  if (name === undefined || name.startsWith('history_cdc.')) return undefined;
  // Whether the name includes the schema depends on the search path of the calling function.
  return name === '' ? 'a function' : `${name.replace(/^public\./, '')}()`;
}
