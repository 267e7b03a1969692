/** What people ask for in the console: rows before any work is done (migrations/0034-actions.sql). */
import { FatalError } from '../../lib/errors.ts';
import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';

/** `no`: carried out, and something is left to do. `interrupted`: the console ended meanwhile. */
export type RequestState = 'waiting' | 'running' | 'done' | 'no' | 'failed' | 'interrupted';

export interface StoredRequest {
  readonly id: string;
  readonly at: Date;
  readonly performedBy: string;
  readonly command: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** False: a dry run. */
  readonly applies: boolean;
  readonly follows: string | null;
  readonly state: RequestState;
  /** Of the newest event; null while it waits. */
  readonly stateAt: Date | null;
  readonly result: Readonly<Record<string, unknown>> | null;
}

export interface Asked {
  readonly by: string;
  readonly formId: string;
  readonly command: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly applies: boolean;
  readonly follows: string | null;
  /** The command changes rows, so a person must have seen its dry run. */
  readonly dryRunFirst: boolean;
}

/**
 * What takes long is carried out beside what is short, so that nobody waits for a comparison of everything. Each lane carries
 * out one request at a time.
 */
export type Lane = 'short' | 'long';
export const LANES: readonly Lane[] = ['short', 'long'];

/** The lock of the one console that works in a lane. Postgres gives it up when the session of that console ends. */
export const WORKERS: Readonly<Record<Lane, string>> = {
  short: "hashtextextended('history_cdc.console_worker', 0)",
  long: "hashtextextended('history_cdc.console_worker.long', 0)",
};
/** The commands that take minutes where there are many rows. */
const LONG = ['reconcile'];
const IS_LONG = `r.command = ANY ('{${LONG.join(',')}}')`;
/** A request that began and has no worker any more was interrupted, before anybody has written that down. */
const SELECT = `
  SELECT r.id::text, r.at, r.performed_by AS "performedBy", r.command, r.arguments, r.applies, r.follows::text,
         CASE WHEN e.event IS NULL THEN 'waiting' WHEN e.event <> 'begun' THEN e.event
              WHEN EXISTS (SELECT FROM pg_locks k
                           WHERE k.locktype = 'advisory' AND k.granted AND k.objsubid = 1
                             AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                             AND ((k.classid::bigint << 32) | k.objid::bigint)
                               = CASE WHEN ${IS_LONG} THEN ${WORKERS.long} ELSE ${WORKERS.short} END) THEN 'running'
              ELSE 'interrupted' END AS state,
         e.at AS "stateAt", e.result
  FROM history_cdc.console_request r
  LEFT JOIN LATERAL (
    SELECT v.event, v.at, v.result FROM history_cdc.console_request_event v WHERE v.request_id = r.id ORDER BY v.id DESC LIMIT 1
  ) AS e ON true`;

export async function readRequest(client: Client, id: string): Promise<StoredRequest | undefined> {
  return (await client.query<StoredRequest>(`${SELECT} WHERE r.id = $1`, [id])).rows[0];
}

/** The newest first; of one command or of all. */
export async function listRequests(
  client: Client,
  { commands, limit }: { readonly commands?: readonly string[]; readonly limit: number },
): Promise<readonly StoredRequest[]> {
  const sql = `${SELECT} WHERE $1::text[] IS NULL OR r.command = ANY ($1) ORDER BY r.id DESC LIMIT $2`;
  return (await client.query<StoredRequest>(sql, [commands ?? null, limit])).rows;
}

const ASK = `
  INSERT INTO history_cdc.console_request (performed_by, form_id, command, arguments, applies, follows)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (form_id) DO NOTHING RETURNING id::text`;
const SAME_FORM = 'SELECT id::text FROM history_cdc.console_request WHERE form_id = $1';

/**
 * Stores what a person asks for, and returns its id. A form that is sent twice is one request. Throws REQUEST_REFUSED for
 * what changes rows, unless the person has seen its dry run, or repeats what was interrupted or has failed.
 */
export async function ask(canonical: Pool, asked: Asked): Promise<string> {
  return await inTransaction(canonical, async (client) => {
    if (asked.applies && asked.dryRunFirst) await assertFollows(client, asked);
    const { by, formId, command, applies, follows } = asked;
    const values = [by, formId, command, JSON.stringify(asked.arguments), applies, follows];
    const stored = (await client.query<{ id: string }>(ASK, values)).rows[0];
    const same = stored ?? (await client.query<{ id: string }>(SAME_FORM, [formId])).rows[0];
    if (same === undefined) throw new Error('the request was not stored');
    return same.id;
  });
}

async function assertFollows(client: Client, asked: Asked): Promise<void> {
  const before = asked.follows === null ? undefined : await readRequest(client, asked.follows);
  const seen = before?.applies === false && ['done', 'no'].includes(before.state);
  const again = before?.applies === true && ['interrupted', 'failed'].includes(before.state);
  const same = before?.command === asked.command && sorted(before.arguments) === sorted(asked.arguments);
  if (same && (seen || again)) return;
  throw new FatalError({
    code: 'REQUEST_REFUSED',
    message: `${asked.command} changes rows, and there is no dry run of exactly this that has ended`,
    wayOut: 'begin with the dry run, and apply it on the page of its result',
  });
}

function sorted(record: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export type EventName = 'begun' | 'done' | 'no' | 'failed' | 'interrupted';
const EVENT = `
  INSERT INTO history_cdc.console_request_event (request_id, event, result) VALUES ($1, $2, $3)
  ON CONFLICT (request_id, event) DO NOTHING RETURNING id`;

/** False if the request had this event before. */
export async function recordEvent(
  client: Client,
  { id, event, result = {} }: { readonly id: string; readonly event: EventName; readonly result?: object },
): Promise<boolean> {
  return (await client.query(EVENT, [id, event, JSON.stringify(result)])).rowCount === 1;
}

const NEXT = `
  SELECT r.id::text, r.performed_by AS "by", r.command, r.arguments, r.applies FROM history_cdc.console_request r
  WHERE NOT EXISTS (SELECT FROM history_cdc.console_request_event e WHERE e.request_id = r.id) AND ${IS_LONG} = $1
  ORDER BY r.id LIMIT 1`;

export type NextRequest = Pick<Asked, 'by' | 'command' | 'arguments' | 'applies'> & { readonly id: string };

/** The oldest request of the lane that nobody has begun. */
export async function nextRequest(client: Client, lane: Lane): Promise<NextRequest | undefined> {
  return (await client.query<NextRequest>(NEXT, [lane === 'long'])).rows[0];
}

const INTERRUPT = `
  INSERT INTO history_cdc.console_request_event (request_id, event)
  SELECT e.request_id, 'interrupted' FROM history_cdc.console_request_event e
  JOIN history_cdc.console_request r ON r.id = e.request_id
  WHERE e.event = 'begun' AND ${IS_LONG} = $1
    AND NOT EXISTS (SELECT FROM history_cdc.console_request_event o WHERE o.request_id = e.request_id AND o.event <> 'begun')
  RETURNING request_id::text AS id`;

/** Called by the one console that works in the lane, before it begins: what is begun belongs to one that has ended. */
export async function interruptBegun(client: Client, lane: Lane): Promise<readonly string[]> {
  return (await client.query<{ id: string }>(INTERRUPT, [lane === 'long'])).rows.map(({ id }) => id);
}
