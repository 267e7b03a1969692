import type { Socket } from 'node:net';
import pg from 'pg';
import { FatalError, messageOf, TransientError } from './errors.ts';
import { marked } from './own-statement.ts';
import { hiddenRows, isByPolicy, rowsHidden, type HiddenRows } from './sees-whole.ts';

/** The time limits of a pool's statements and locks, unless a transaction sets others. */
export interface Bounds {
  readonly statementMs: number;
  /** 0: as long as the statement may take. */
  readonly lockMs: number;
  /**
   * How much longer than Postgres's own limit we wait before we give the connection up. Postgres's error message must
   * have time to arrive.
   */
  readonly answerAfterMs?: number;
}

/**
 * The settings on which our SQL and the reading of its answers depend. A URL, a role, a database, PGOPTIONS or a pooler
 * may set each of them differently. A time in another zone has another text; `gin_fuzzy_search_limit` makes an index
 * leave rows out; with `row_security` on, a policy leaves rows out without an error.
 */
const FIXED = {
  search_path: 'public, pg_temp',
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  client_encoding: 'UTF8',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  gin_fuzzy_search_limit: '0',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  row_security: 'off',
} as const;

/**
 * A setting that an ordinary role may not set, but that must have this value: with `replica`, no trigger and no foreign
 * key works.
 */
const DEMANDED = { session_replication_role: 'origin' } as const;

/** The tables from which a policy could hide rows. In each database, only those that exist there count. */
const OUR_READS = [
  'agent_test_history',
  'agent_contexts',
  'member_profiles',
  'organization_memberships',
  'agent_registry_metadata',
  'agent_compliance_runs',
].map((table) => `public.${table}`);

/** Setting a connection up may take as long as opening it. */
const SET_UP_WITHIN_MS = 10_000;
const ANSWER_AFTER_MS = 5_000;

/** What we know of a connection beyond the driver. */
export interface Session {
  readonly pid: number;
  /** True behind a pooler: nothing of the session can be relied on outside a single transaction. */
  readonly pooled: boolean;
  /** True if policies apply to the role and each of them shows every row. They are checked again before each COMMIT. */
  readonly policiesShowAll: boolean;
  readonly bounds: Bounds;
  /** Sets the values of `FIXED` for one transaction; empty on a direct connection, whose session has them. */
  readonly preamble: string;
  /** Set where a transaction begins and ends. */
  inside: boolean;
  /** The time limit of Postgres for the next statements. */
  limitMs: number;
}

const sessions = new WeakMap<object, Session>();

/** Undefined for anything but a connection of our pools. */
export function sessionOf(client: object): Session | undefined {
  return sessions.get(client);
}

/**
 * The connection is gone, or gives no answer. That is the environment's fault: the same work may succeed on another
 * connection. The fact `setting` names the database, if the pool was told which one it is.
 */
export class ConnectionLost extends TransientError {}

/** The setting that leads to a database. */
export type DatabaseSetting = 'DATABASE_URL' | 'LEGACY_DATABASE_URL';

/**
 * Only an error that Postgres sent has a SQLSTATE. Every other error of a broken connection comes from the driver or
 * the system.
 */
export function lost(error: unknown, setting?: DatabaseSetting): Error {
  if (error instanceof pg.DatabaseError || error instanceof FatalError || error instanceof ConnectionLost)
    return error;
  return new ConnectionLost(messageOf(error), { facts: { setting }, cause: error });
}

type Ask = (...args: unknown[]) => Promise<unknown>;

interface SessionOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly bounds: Bounds;
  readonly setting?: DatabaseSetting | undefined;
}

/** Applies our limits and settings to a new connection, and refuses a connection that does not accept them. */
export async function prepareSession(
  client: pg.ClientBase,
  { name, bounds, setting: database }: SessionOptions,
): Promise<void> {
  const answers = answering(client, database);
  const { processID: announced } = client as unknown as { readonly processID: number };
  const settings = { ...FIXED, ...boundsOf(bounds), application_name: name };
  // A pooler invents the process id that it tells us. A setting made for good there would reach the next client of the
  // session.
  const isLocal = `pg_catalog.pg_backend_pid() <> ${String(announced)}`;
  const found = await answers.ask(`${setting(settings, isLocal)}; ${VERIFY}`);
  const [row] = ((found as pg.QueryResult[]).at(-1) as pg.QueryResult<Verified>).rows;
  if (row === undefined) throw new Error('the question for the settings gave no row');
  assertTaken(row.settings);
  const pooled = row.pid !== announced;
  const policiesShowAll =
    row.guarded &&
    (await hiddenByPolicy({ query: answers.ask as unknown as pg.ClientBase['query'] })).length === 0;
  if (policiesShowAll && !pooled) await answers.ask('SET row_security = on');
  const lasting = { ...settings, ...(policiesShowAll && { row_security: 'on' }) };
  const session: Session = {
    pid: row.pid,
    pooled,
    policiesShowAll,
    bounds,
    preamble: pooled ? setting(lasting, 'true') : '',
    inside: false,
    limitMs: bounds.statementMs,
  };
  answers.begin(session);
  sessions.set(client, session);
}

interface Verified {
  readonly pid: number;
  readonly guarded: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

const VERIFY = `
  SELECT pg_backend_pid() AS pid,
         (SELECT json_object_agg(name, current_setting(name)) FROM unnest(${textList([...Object.keys(FIXED), ...Object.keys(DEMANDED)])}) AS s (name)) AS settings,
         EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE format('%s.%s', n.nspname, c.relname) = ANY (${textList(OUR_READS)}) AND row_security_active(c.oid)) AS guarded`;

function textList(values: readonly string[]): string {
  return `ARRAY[${values.map((value) => pg.escapeLiteral(value)).join(', ')}]`;
}

/** Sets only what the server knows: `transaction_timeout` came with Postgres 17. */
function setting(settings: Readonly<Record<string, string>>, isLocal: string): string {
  const pairs = Object.entries(settings).map(
    (pair) => `(${pair.map((text) => pg.escapeLiteral(text)).join(', ')})`,
  );
  return `SELECT pg_catalog.set_config(s.name, s.value, ${isLocal}) FROM (VALUES ${pairs.join(', ')}) AS s (name, value) WHERE pg_catalog.current_setting(s.name, true) IS NOT NULL`;
}

function boundsOf({ statementMs, lockMs }: Bounds): Record<string, string> {
  return {
    statement_timeout: `${String(statementMs)}ms`,
    lock_timeout: `${String(lockMs)}ms`,
    idle_in_transaction_session_timeout: '0',
    idle_session_timeout: '0',
    transaction_timeout: '0',
  };
}

function assertTaken(found: Readonly<Record<string, string>>): void {
  const wrong = Object.entries({ ...FIXED, ...DEMANDED }).filter(([name, value]) => found[name] !== value);
  if (wrong.length === 0) return;
  const list = wrong.map(([name, value]) => `${name} is ${found[name] ?? 'unset'} and must be ${value}`);
  throw new FatalError({
    code: 'SESSION_UNFIT',
    message: `the session does not have the settings that our statements depend on: ${list.join('; ')}`,
    wayOut:
      'remove the setting where it is made (`ALTER ROLE … RESET`, `ALTER DATABASE … RESET`, the pooler), or connect without the pooler',
  });
}

/** Throws if a policy hides rows of a table that we read from the role of the connection. */
export async function assertPoliciesShowAll(client: Pick<pg.ClientBase, 'query'>): Promise<void> {
  const hidden = await hiddenByPolicy(client);
  if (hidden.length > 0) throw rowsHidden(hidden);
}

async function hiddenByPolicy(client: Pick<pg.ClientBase, 'query'>): Promise<HiddenRows[]> {
  return (await hiddenRows(client, OUR_READS)).filter(({ why }) => isByPolicy(why));
}

/**
 * Every statement of the connection goes through here. If statements are running and Postgres sends no answer for
 * longer than one of them may take, the connection is cut. A NAT or a failover can leave a socket on which nobody
 * answers; without the cut, everything that waits for it would wait for ever. The time counts from the last answer,
 * because the driver sends several statements at once.
 */
function answering(
  client: pg.ClientBase,
  database: DatabaseSetting | undefined,
): { readonly ask: Ask; readonly begin: (session: Session) => void } {
  const send = client.query.bind(client) as unknown as Ask;
  let session: Session | undefined;
  let [waiting, gone] = [0, false];
  let silence: NodeJS.Timeout | undefined;
  const leave = () => {
    gone = true;
  };
  client.on('error', leave);
  client.on('end', leave);
  const cut = () => {
    (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
  };
  const listen = () => {
    clearTimeout(silence);
    const limitMs =
      session === undefined
        ? SET_UP_WITHIN_MS
        : session.limitMs + (session.bounds.answerAfterMs ?? ANSWER_AFTER_MS);
    silence = waiting === 0 ? undefined : setTimeout(cut, limitMs);
  };
  const ask: Ask = async (...args) => {
    if (session !== undefined) session.limitMs = limitOf(args[0]) ?? session.limitMs;
    waiting += 1;
    if (waiting === 1 || silence === undefined) listen();
    try {
      const [statement, ...rest] = args;
      return await send(marked(statement), ...rest);
    } catch (error) {
      throw gone ? lost(error, database) : error;
    } finally {
      waiting -= 1;
      listen();
    }
  };
  const query: Ask = async (...given) =>
    session?.pooled === true && !session.inside ? await alone(ask, session, given) : await ask(...given);
  const begin = (prepared: Session) => {
    session = prepared;
    client.query = query as unknown as typeof client.query;
  };
  return { ask, begin };
}

/** Behind a pooler, a statement outside a transaction gets a transaction of its own, with our settings. */
async function alone(ask: Ask, { preamble }: Session, statement: readonly unknown[]): Promise<unknown> {
  const answers = await Promise.allSettled([ask(`BEGIN; ${preamble}`), ask(...statement), ask('COMMIT')]);
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  return (answers[1] as PromiseFulfilledResult<unknown>).value;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** The time limit that a statement of ours sets for the statements after it. */
function limitOf(statement: unknown): number | undefined {
  if (typeof statement !== 'string' || !/^(SET|BEGIN)\b/.test(statement)) return undefined;
  const [, number, unit = ''] = /\bstatement_timeout = '(\d+)(ms|s|min|h)'/.exec(statement) ?? [];
  return number === undefined ? undefined : Number(number) * (UNITS[unit] ?? 1);
}
