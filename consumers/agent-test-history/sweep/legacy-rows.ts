import type { Pool } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { utf8, type CompleteRow } from '../record/event.ts';
import { storyboardsOf } from '../record/storyboards.ts';

const LEGACY_ROWS = sqlFile(import.meta.url, './sql/legacy-rows.sql');

/** A row of the legacy table. jsonb and times are Postgres's own text. */
export interface LegacyTableRow {
  readonly id: string;
  readonly agent_context_id: string;
  readonly scenario: string;
  readonly overall_passed: boolean;
  readonly steps_passed: number;
  readonly steps_failed: number;
  readonly total_duration_ms: number | null;
  readonly summary: string | null;
  readonly dry_run: boolean | null;
  readonly user_id: string | null;
  readonly agent_profile_json: string | null;
  readonly started_at: string;
  readonly steps_json: string | null;
}

/** Reads rows of the legacy table by id. Rows that are gone from the table are not in the answer. */
export async function readLegacyRows(
  legacy: Pool,
  legacyIds: readonly string[],
): Promise<ReadonlyMap<string, CompleteRow>> {
  if (legacyIds.length === 0) return new Map();
  const { rows } = await legacy.query<LegacyTableRow>(LEGACY_ROWS, [legacyIds]);
  return new Map(rows.map((row) => [row.id, completeRow(row)]));
}

export function completeRow(row: LegacyTableRow): CompleteRow {
  return {
    agentContextId: row.agent_context_id,
    scenario: row.scenario,
    overallPassed: row.overall_passed,
    stepsPassed: row.steps_passed,
    stepsFailed: row.steps_failed,
    totalDurationMs: row.total_duration_ms,
    summary: row.summary,
    dryRun: row.dry_run,
    userId: row.user_id,
    agentProfileJson: utf8(row.agent_profile_json),
    startedAt: row.started_at,
    storyboards: storyboardsOf(utf8(row.steps_json)),
  };
}
