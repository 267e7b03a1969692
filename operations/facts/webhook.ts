import type { Client } from '../../lib/postgres.ts';
import { ifMigrated } from './postgres.ts';

/** How the messages to people stand (operations/webhook). Ages are by the clock of the canonical database. */
export interface WebhookFacts {
  /** Since a process last looked for news. */
  readonly aliveSecondsAgo: number;
  /** Messages that are still to be delivered. */
  readonly waiting: number;
  /** Since the oldest of them was made; null where none waits. */
  readonly oldestSeconds: number | null;
  /** Messages that were never delivered, and that no person has dismissed. */
  readonly givenUp: number;
  /** Why the last attempt failed of a message that waits or is given up: a status or a code. */
  readonly failure: string | null;
  readonly lastDeliveredAt: Date | null;
}

const WEBHOOK = `
  SELECT extract(epoch FROM clock_timestamp() - w.alive_at)::float8 AS "aliveSecondsAgo",
         m.waiting, m."oldestSeconds", m."givenUp", m.failure, m."lastDeliveredAt"
  FROM history_cdc.webhook w CROSS JOIN (
    SELECT (count(*) FILTER (WHERE delivered_at IS NULL AND given_up_at IS NULL))::integer AS waiting,
           extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE delivered_at IS NULL AND given_up_at IS NULL))::float8 AS "oldestSeconds",
           (count(*) FILTER (WHERE given_up_at IS NOT NULL AND dismissed_at IS NULL))::integer AS "givenUp",
           (array_agg(failure ORDER BY attempted_at DESC) FILTER (WHERE failure IS NOT NULL AND delivered_at IS NULL AND dismissed_at IS NULL))[1] AS failure,
           max(delivered_at) AS "lastDeliveredAt"
    FROM history_cdc.webhook_message) AS m`;

/** Null where no process ever had a WEBHOOK_URL; undefined where the ledger is of an earlier release. */
export async function readWebhook(client: Client): Promise<WebhookFacts | null | undefined> {
  return await ifMigrated(async () => (await client.query<WebhookFacts>(WEBHOOK)).rows[0] ?? null);
}
