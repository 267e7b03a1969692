import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

const STREAMED_UNTIL = sqlFile(import.meta.url, './sql/streamed-until.sql');

/** Up to when, by the source's own time, every partition is projected; null where one of them has not streamed at all. */
export async function streamedUntil(client: Client): Promise<string | null> {
  const { rows } = await client.query<{ until: string }>(STREAMED_UNTIL);
  return rows[0]?.until ?? null;
}
