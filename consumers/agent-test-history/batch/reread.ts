import type { Pool } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { UNAVAILABLE, utf8, type CompleteRow, type ImageEvent } from '../record/event.ts';
import { storyboardsOf } from '../record/storyboards.ts';

const REREAD = sqlFile(import.meta.url, './sql/reread.sql');

interface RereadRow {
  readonly id: string;
  readonly scenario: string;
  readonly summary: string | null;
  readonly user_id: string | null;
  readonly agent_profile_json: string | null;
  readonly steps_json: string | null;
}

/**
 * Fills in the values that events left out, from the legacy table. Only missing values are taken from the table. If the
 * table is ahead of the event, a later event of the same key brings the other values. An event whose row is gone from
 * the table is not in the answer.
 */
export async function reread(
  legacy: Pool,
  events: readonly ImageEvent[],
): Promise<Map<string, ImageEvent & { readonly row: CompleteRow }>> {
  const { rows } = await legacy.query<RereadRow>(REREAD, [events.map(({ legacyId }) => legacyId)]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const completed = new Map<string, ImageEvent & { readonly row: CompleteRow }>();
  for (const event of events) {
    const stored = byId.get(event.legacyId);
    if (stored === undefined) continue;
    const { row } = event;
    completed.set(event.legacyId, {
      ...event,
      row: {
        ...row,
        scenario: row.scenario === UNAVAILABLE ? stored.scenario : row.scenario,
        summary: row.summary === UNAVAILABLE ? stored.summary : row.summary,
        userId: row.userId === UNAVAILABLE ? stored.user_id : row.userId,
        agentProfileJson:
          row.agentProfileJson === UNAVAILABLE ? utf8(stored.agent_profile_json) : row.agentProfileJson,
        storyboards:
          row.storyboards === UNAVAILABLE ? storyboardsOf(utf8(stored.steps_json)) : row.storyboards,
      },
    });
  }
  return completed;
}
