import { FatalError } from '../../lib/errors.ts';
import { inDryRun, inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { recordAction } from '../../consumers/agent-test-history/batch/actions.ts';

export type MessageState = 'waiting' | 'delivered' | 'given_up' | 'dismissed';

/** A message as it is kept. */
export interface KeptMessage {
  readonly id: string;
  readonly messageId: string;
  readonly type: string;
  readonly state: MessageState;
  readonly createdAt: Date;
  readonly attempts: number;
  readonly attemptedAt: Date | null;
  /** When it is tried again at the earliest; null unless it waits. */
  readonly nextAttemptAt: Date | null;
  readonly failure: string | null;
  readonly deliveredAt: Date | null;
}

/** What is not delivered stands first. */
const LIST = `
  SELECT id::text, message_id AS "messageId", type, created_at AS "createdAt", attempts, attempted_at AS "attemptedAt",
         CASE WHEN delivered_at IS NOT NULL THEN 'delivered' WHEN dismissed_at IS NOT NULL THEN 'dismissed'
              WHEN given_up_at IS NOT NULL THEN 'given_up' ELSE 'waiting' END AS state,
         CASE WHEN delivered_at IS NULL AND given_up_at IS NULL THEN next_attempt_at END AS "nextAttemptAt",
         failure, delivered_at AS "deliveredAt"
  FROM history_cdc.webhook_message
  ORDER BY delivered_at IS NOT NULL OR dismissed_at IS NOT NULL, id DESC LIMIT $1`;

export async function listMessages(client: Client, limit: number): Promise<readonly KeptMessage[]> {
  return (await client.query<KeptMessage>(LIST, [limit])).rows;
}

/** `created_at` moves, so that the hours after which it is given up begin anew. */
const RETRY = `
  UPDATE history_cdc.webhook_message
  SET given_up_at = NULL, dismissed_at = NULL, dismissed_by = NULL, created_at = clock_timestamp(), next_attempt_at = clock_timestamp()
  WHERE given_up_at IS NOT NULL AND dismissed_at IS NULL RETURNING id::text`;

/** Lets every message that was given up be sent again, by the next look of a projector. Returns their ids. */
export async function retryGivenUp(canonical: Pool, apply: boolean): Promise<readonly string[]> {
  return await (apply ? inTransaction : inDryRun)(canonical, async (client) => {
    const ids = (await client.query<{ id: string }>(RETRY)).rows.map(({ id }) => id);
    if (ids.length > 0)
      await recordAction(client, { command: 'webhook retry', counts: { messages: ids.length } });
    return ids;
  });
}

const DISMISS = `
  UPDATE history_cdc.webhook_message SET dismissed_at = clock_timestamp(), dismissed_by = $2
  WHERE id = ANY ($1::bigint[]) AND given_up_at IS NOT NULL AND dismissed_at IS NULL RETURNING id::text`;

/** Says with a name that somebody knows what these messages would have told. All of them, or none. */
export async function dismiss(canonical: Pool, ids: readonly string[], by: string): Promise<void> {
  await inTransaction(canonical, async (client) => {
    const { rows } = await client.query<{ id: string }>(DISMISS, [ids, by]);
    const left = ids.filter((id) => !rows.some((row) => row.id === id));
    if (left.length > 0)
      throw new FatalError({
        code: 'WEBHOOK_MESSAGE',
        message: `nothing was dismissed: ${left.join(', ')} ${left.length === 1 ? 'is not a message' : 'are not messages'} that was given up`,
        wayOut: '`history-cdc webhook list` shows the messages with their state',
      });
    const options = [`--id ${ids.join(' ')}`];
    await recordAction(client, { command: 'webhook dismiss', options, counts: { messages: ids.length }, by });
  });
}
