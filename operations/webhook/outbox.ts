import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { gateMessage, messagesOf, type Flip, type Message, type News } from './messages.ts';
import type { Sendable } from './send.ts';

/** Processes that look for news take turns, so that nothing is told twice. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('history_cdc.webhook', 0))";
const ALIVE = `
  INSERT INTO history_cdc.webhook DEFAULT VALUES
  ON CONFLICT (is_only) DO UPDATE SET alive_at = clock_timestamp()`;
const NEWS = sqlFile(import.meta.url, './sql/news.sql');
const GATE = `
  SELECT c.key AS condition, t.state AS "from", c.value AS "to", l.at
  FROM history_cdc.soak_look l CROSS JOIN LATERAL jsonb_each_text(l.conditions) AS c
  LEFT JOIN history_cdc.webhook_gate t ON t.condition = c.key
  ORDER BY c.key`;
const TELL_GATE = `
  INSERT INTO history_cdc.webhook_gate AS g (condition, state)
  SELECT * FROM unnest($1::text[], $2::text[])
  ON CONFLICT (condition) DO UPDATE SET state = excluded.state WHERE g.state <> excluded.state`;
const PUT = 'INSERT INTO history_cdc.webhook_message (type, body) VALUES ($1, $2) RETURNING id';
const TOLD = `
  INSERT INTO history_cdc.webhook_told (type, subject, message_id)
  SELECT $1, subject, $3 FROM unnest($2::text[]) AS subject`;

/**
 * Writes a message for everything that happened and was not told yet, and returns the number of messages. It reads what is
 * stored, so it does not matter which process calls it, how often, or what happened while none ran. The first call only
 * records the moment from which on things are news.
 */
export async function writeNews(canonical: Pool): Promise<number> {
  return await inTransaction(canonical, async (client) => {
    await client.query(LOCK);
    await client.query(ALIVE);
    const news = (await client.query<News>(NEWS)).rows;
    const messages = [...messagesOf(news), ...(await gateNews(client))];
    for (const message of messages) await put(client, message);
    return messages.length;
  });
}

async function put(client: Client, { type, body, subjects }: Message): Promise<void> {
  const { rows } = await client.query<{ id: string }>(PUT, [type, body]);
  await client.query(TOLD, [type, subjects, rows[0]?.id]);
}

interface GateRow {
  readonly condition: string;
  readonly from: string | null;
  readonly to: string;
  readonly at: Date;
}

const holds = (state: string) => state === 'met' || state === 'attested';

/** A condition that was never told before is recorded, and is no news. */
async function gateNews(client: Client): Promise<Message[]> {
  const { rows } = await client.query<GateRow>(GATE);
  const [first] = rows;
  const moved = rows.filter(({ from, to }) => from !== to);
  if (first === undefined || moved.length === 0) return [];
  await client.query(TELL_GATE, [moved.map(({ condition }) => condition), moved.map(({ to }) => to)]);
  const flips = moved.flatMap(({ condition, from, to }): Flip[] =>
    from !== null && holds(from) !== holds(to) ? [{ condition, from, to }] : [],
  );
  if (flips.length === 0) return [];
  return [gateMessage(flips, { allMet: rows.every(({ to }) => holds(to)), at: first.at })];
}

const CLAIM = `
  UPDATE history_cdc.webhook_message
  SET attempts = attempts + 1, attempted_at = clock_timestamp(),
      next_attempt_at = clock_timestamp() + $1 * interval '1 millisecond'
  WHERE id = (
    SELECT id FROM history_cdc.webhook_message
    WHERE delivered_at IS NULL AND given_up_at IS NULL AND next_attempt_at <= clock_timestamp()
    ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1)
  RETURNING id, message_id AS "messageId", type, body, attempts`;

export interface Claimed extends Sendable {
  readonly id: string;
  readonly type: string;
  /** Includes the one that is to be made. */
  readonly attempts: number;
}

/** Takes the oldest message that is due. Nobody else takes it for `leaseMs`, whatever becomes of this process. */
export async function claim(client: Client, leaseMs: number): Promise<Claimed | undefined> {
  return (await client.query<Claimed>(CLAIM, [leaseMs])).rows[0];
}

const DELIVERED = `
  UPDATE history_cdc.webhook_message SET delivered_at = clock_timestamp(), failure = NULL, given_up_at = NULL
  WHERE id = $1 AND delivered_at IS NULL`;

export async function markDelivered(client: Client, id: string): Promise<void> {
  await client.query(DELIVERED, [id]);
}

const FAILED = `
  UPDATE history_cdc.webhook_message
  SET failure = $2, next_attempt_at = clock_timestamp() + $3 * interval '1 millisecond',
      given_up_at = CASE WHEN created_at < clock_timestamp() - $4 * interval '1 hour' THEN clock_timestamp() END
  WHERE id = $1 AND delivered_at IS NULL AND given_up_at IS NULL
  RETURNING given_up_at IS NOT NULL AS "givenUp"`;

export interface Failing {
  readonly id: string;
  readonly failure: string;
  readonly againAfterMs: number;
  readonly giveUpHours: number;
}

/** True if the message is given up. */
export async function markFailed(client: Client, failing: Failing): Promise<boolean> {
  const { id, failure, againAfterMs, giveUpHours } = failing;
  const { rows } = await client.query<{ givenUp: boolean }>(FAILED, [id, failure, againAfterMs, giveUpHours]);
  return rows[0]?.givenUp === true;
}
