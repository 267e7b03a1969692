import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { epochMicros } from '../../consumers/agent-test-history/record/timestamp.ts';
import type { Wanted } from './trial.ts';

const LEGACY_CHUNK = sqlFile(import.meta.url, './sql/legacy-chunk.sql');
const COUNT = 'SELECT count(*)::bigint AS rows FROM public.agent_test_history';

/** A legacy row as the census reads it. A column may be NULL although the application never writes NULL there. */
export interface CensusRow {
  readonly id: string;
  readonly agent_context_id: string | null;
  readonly scenario: string | null;
  readonly overall_passed: boolean | null;
  readonly steps_passed: number | null;
  readonly steps_failed: number | null;
  readonly total_duration_ms: number | null;
  readonly dry_run: boolean | null;
  readonly user_id: string | null;
  readonly started_at: string | null;
  /** In microseconds since 1970; undefined if no live row can have such a time. */
  readonly startedAtUs: bigint | undefined;
  /**
   * Also null if no live row is near and no constraint needs the value. The same holds for the profile and the steps.
   */
  readonly summary: string | null;
  readonly agent_profile_json: string | null;
  readonly steps_json: string | null;
  /** The size of the text and jsonb columns, compressed if they are stored compressed. */
  readonly stored_bytes: string;
  readonly out_of_line: boolean;
  /** The same size as the connector sends it; null if the row is small. */
  readonly message_bytes: string | null;
  /** Older than the retention of the canonical table. */
  readonly expired: boolean;
}

export interface Reading {
  readonly chunkRows: number;
  /** The range of start times within reach of a live row, in microseconds since 1970; null if there is no live row. */
  readonly reach: { readonly fromUs: bigint; readonly toUs: bigint } | null;
  /** A row that stores less is not measured as a message. */
  readonly measuredFromBytes: number;
  readonly retentionDays: number | undefined;
  readonly wanted: Wanted;
}

export async function countLegacyRows(legacy: Client): Promise<number> {
  const { rows } = await legacy.query<{ rows: string }>(COUNT);
  return Number(rows[0]?.rows ?? 0);
}

/**
 * The whole table in the order of its ids, one statement per chunk. The next chunk is read while the previous one is
 * looked up.
 */
export async function* legacyChunks(legacy: Client, reading: Reading): AsyncGenerator<readonly CensusRow[]> {
  let next: Promise<readonly CensusRow[]> | undefined = readChunk(legacy, reading, null);
  while (next !== undefined) {
    const rows: readonly CensusRow[] = await next;
    const last = rows.at(-1);
    next = last === undefined ? undefined : readChunk(legacy, reading, last.id);
    // The consumer of the chunk may fail first, and then nobody awaits the next chunk.
    next?.catch(() => undefined);
    if (rows.length > 0) yield rows;
  }
}

async function readChunk(
  legacy: Client,
  reading: Reading,
  after: string | null,
): Promise<readonly CensusRow[]> {
  const { chunkRows, reach, measuredFromBytes, retentionDays, wanted } = reading;
  const { rows } = await legacy.query<Omit<CensusRow, 'startedAtUs'>>(LEGACY_CHUNK, [
    after,
    chunkRows,
    reach?.fromUs ?? null,
    reach?.toUs ?? null,
    measuredFromBytes,
    retentionDays ?? null,
    wanted.summary,
    wanted.profile,
    wanted.steps,
  ]);
  // Converted once, because every count and every look-up of the row needs it.
  return rows.map((row) =>
    Object.assign(row, { startedAtUs: row.started_at === null ? undefined : epochMicros(row.started_at) }),
  );
}
