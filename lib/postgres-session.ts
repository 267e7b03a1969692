import type { Socket } from 'node:net';
import pg from 'pg';
import { FatalError, messageOf, TransientError } from './errors.ts';
import { hiddenRows, isByPolicy, rowsHidden, type HiddenRows } from './sees-whole.ts';

/** How long a statement of a pool may take, and how long it may wait for a lock, where no transaction says otherwise. */
export interface Bounds {
  readonly statementMs: number;
  /** 0: no longer than the statement may take. */
  readonly lockMs: number;
  /** How much later than Postgres's own time-out we give a connection up: the answer that says so has to arrive. */
  readonly answerAfterMs?: number;
}

/**
 * What our SQL, and the way in which we read its answers, rests on. A URL, a role, a database, PGOPTIONS or a pooler may set
 * each of them otherwise. A time in another zone has another text; `gin_fuzzy_search_limit` makes an index leave rows out;
 * with `row_security` on, a policy leaves rows out without an error.
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

/** What an ordinary role may not set, and what must be so all the same: with `replica`, no trigger and no foreign key works. */
const DEMANDED = { session_replication_role: 'origin' } as const;

/** The tables that a policy could hide from us; in each database, those that are there. */
const OUR_READS = [
  'agent_test_history',
  'agent_contexts',
  'member_profiles',
  'organization_memberships',
  'agent_registry_metadata',
  'agent_compliance_runs',
].map((table) => `public.${table}`);

/** A connection that is being set up gets as long as one that is being opened. */
const SET_UP_WITHIN_MS = 10_000;
const ANSWER_AFTER_MS = 5_000;

/** What we know of a connection beyond the driver. */
export interface Session {
  readonly pid: number;
  /** A pooler stands in between, so that nothing may be expected of the session but inside one transaction. */
  readonly pooled: boolean;
  /** Policies apply, and each of them shows every row: its reads are looked at again before each COMMIT. */
  readonly policiesShowAll: boolean;
  readonly bounds: Bounds;
  /** Sets, for one transaction, what `FIXED` says; empty for a connection of our own, whose session has it. */
  readonly preamble: string;
  /** Told where a transaction begins and ends. */
  inside: boolean;
  /** How long Postgres may take for the statements that come now. */
  limitMs: number;
}

const sessions = new WeakMap<object, Session>();

/** Undefined for what is no connection of a pool of ours. */
export function sessionOf(client: object): Session | undefined {
  return sessions.get(client);
}

/** The connection is gone, or gives no answer: the environment's fault, and the same work may pass on another one. */
export class ConnectionLost extends TransientError {}

/** Only an error that Postgres sent has an SQLSTATE; every other one of a broken connection is the driver's or the system's. */
export function lost(error: unknown): Error {
  if (error instanceof pg.DatabaseError || error instanceof FatalError || error instanceof ConnectionLost)
    return error;
  return new ConnectionLost(messageOf(error), { cause: error });
}

type Ask = (...args: unknown[]) => Promise<unknown>;

/** Puts our own bounds and settings around the statements of a new connection, and refuses one that does not take them. */
export async function prepareSession(client: pg.ClientBase, name: string, bounds: Bounds): Promise<void> {
  const answers = answering(client);
  const { processID: announced } = client as unknown as { readonly processID: number };
  const settings = { ...FIXED, ...boundsOf(bounds), application_name: name };
  // A pooler makes up the number that it tells us, and what we set for good would reach the next one who gets the session.
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

/** Sets what the server knows: `transaction_timeout` came with Postgres 17. */
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
    message: `the session does not have the settings that our statements rest on: ${list.join('; ')}`,
    wayOut:
      'take the setting away where it is made (`ALTER ROLE … RESET`, `ALTER DATABASE … RESET`, the pooler), or connect without the pooler',
  });
}

/** Refuses if a policy hides rows of a table that we read from the role of the connection. */
export async function assertPoliciesShowAll(client: Pick<pg.ClientBase, 'query'>): Promise<void> {
  const hidden = await hiddenByPolicy(client);
  if (hidden.length > 0) throw rowsHidden(hidden);
}

async function hiddenByPolicy(client: Pick<pg.ClientBase, 'query'>): Promise<HiddenRows[]> {
  return (await hiddenRows(client, OUR_READS)).filter(({ why }) => isByPolicy(why));
}

/**
 * Every statement of the connection goes through here. If statements are under way and Postgres sends no answer for longer
 * than it may take for one of them, the connection is cut: a NAT or a failover can leave a socket that nobody answers on, and
 * what waited for it would wait for ever. Measured from the last answer, because the driver sends several at once.
 */
function answering(client: pg.ClientBase): { readonly ask: Ask; readonly begin: (session: Session) => void } {
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
      return await send(...args);
    } catch (error) {
      throw gone ? lost(error) : error;
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

/** Behind a pooler, a statement that belongs to no transaction gets one of its own, with our settings. */
async function alone(ask: Ask, { preamble }: Session, statement: readonly unknown[]): Promise<unknown> {
  const answers = await Promise.allSettled([ask(`BEGIN; ${preamble}`), ask(...statement), ask('COMMIT')]);
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  return (answers[1] as PromiseFulfilledResult<unknown>).value;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** The bound that a statement of ours sets for those behind it. */
function limitOf(statement: unknown): number | undefined {
  if (typeof statement !== 'string' || !/^(SET|BEGIN)\b/.test(statement)) return undefined;
  const [, number, unit = ''] = /\bstatement_timeout = '(\d+)(ms|s|min|h)'/.exec(statement) ?? [];
  return number === undefined ? undefined : Number(number) * (UNITS[unit] ?? 1);
}
