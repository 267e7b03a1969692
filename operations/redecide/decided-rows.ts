import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { OpenDecision, OwnerDecision } from '../../consumers/agent-test-history/rule/outcome.ts';

const DECIDED_ROWS = sqlFile(import.meta.url, './sql/decided-rows.sql');

/** What the ledger has of a row that was decided from a whole image. */
export interface DecidedRow {
  readonly legacy_id: string;
  readonly decision: OwnerDecision | OpenDecision;
  readonly reason: string;
  readonly rule_version: number;
  readonly agent_context_id: string | null;
  readonly user_id: string | null;
  /** The look-ups at the decision; null if the context did not exist. */
  readonly organization_id: string | null;
  readonly agent_url: string | null;
  readonly is_member: boolean | null;
  readonly lists_agent: boolean | null;
  readonly opted_out: boolean | null;
  /** Decided inside the grace window. */
  readonly young: boolean;
}

export interface ChunkOfRows {
  readonly after: string | null;
  readonly rows: number;
  readonly graceSeconds: number;
}

export async function decidedRows(
  client: Client,
  { after, rows, graceSeconds }: ChunkOfRows,
): Promise<DecidedRow[]> {
  return (await client.query<DecidedRow>(DECIDED_ROWS, [after, rows, graceSeconds])).rows;
}

const COUNT = `
  SELECT count(*) AS rows FROM history_cdc.ledger
  WHERE source_deleted_at IS NULL AND decision NOT IN ('gone', 'quarantined')
    AND coalesce(user_id, '') NOT LIKE 'forgotten:%'`;

export async function countDecidedRows(client: Client): Promise<number> {
  await client.query("SET LOCAL statement_timeout = '15min'");
  return Number((await client.query<{ rows: string }>(COUNT)).rows[0]?.rows ?? 0);
}
