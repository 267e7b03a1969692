import type { Decision } from '../../consumers/agent-test-history/rule/outcome.ts';

/** What became of a row: a decision of the ledger, or why the row has none. */
export type Standing = Decision | 'undone' | 'canonical only' | 'not decided yet';

/** A row as a search shows it. */
export interface FoundRow {
  /** When the run started, as Postgres writes it; null if no content of the row was ever seen. */
  readonly started_at: string | null;
  /** Null for a canonical row that no legacy row is linked to. */
  readonly legacy_id: string | null;
  readonly agent_url: string | null;
  readonly organization_id: string | null;
  readonly user_id: string | null;
  readonly decision: Standing;
  readonly reason: string;
  readonly canonical_run_id: string | null;
  readonly source_deleted_at: string | null;
}

/** The place of a row in the order of the answers: newest first, then by legacy id. */
export interface Place {
  readonly startedAt: string;
  readonly legacyId: string;
}

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const TIME = String.raw`-?infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?\+00(?: BC)?`;
const CURSOR = new RegExp(`^(${TIME})_(${UUID})$`);

/** The place as one text, for an option or an address. It holds a time and an id, so a page can be sent to a colleague. */
export function cursorOf({ startedAt, legacyId }: Place): string {
  return `${startedAt.replace(' ', 'T')}_${legacyId}`;
}

/** The place that a cursor names; undefined for any other text. */
export function placeOf(cursor: string): Place | undefined {
  const [, startedAt, legacyId] = CURSOR.exec(cursor.replace('T', ' ')) ?? [];
  return startedAt === undefined || legacyId === undefined ? undefined : { startedAt, legacyId };
}
