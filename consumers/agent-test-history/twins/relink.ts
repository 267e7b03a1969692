import assert from 'node:assert/strict';
import { type Client } from '../../../lib/postgres.ts';
import { assertNoneKeptOut, Conflict } from '../../../lib/postgres-errors.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { canonicalRunId } from '../rule/canonical-run-id.ts';
import { NO_CHANGES, type Changes } from '../rule/changes.ts';
import { RULE_VERSION } from '../rule/outcome.ts';
import { TWIN_BLOCKED, type LinkChange } from './plan-links.ts';
import { referencesTo } from './references.ts';

const RELINK = sqlFile(import.meta.url, './sql/relink.sql');

export interface Relinked {
  readonly changes: Changes;
  /** The changes that were made. A blocked change only sets the reason. */
  readonly applied: readonly LinkChange[];
  /** The table that refers to our canonical row, by legacy id, if a live row could not replace it because of that. */
  readonly blocked: ReadonlyMap<string, string>;
}

/** Carries out changes of links. The caller holds the agents' locks. If another table refers to our row, it stays. */
export async function relink(client: Client, planned: readonly LinkChange[]): Promise<Relinked> {
  const blocked = await blockedBy(client, planned);
  const applied = planned.flatMap((change) => (blocked.has(change.legacyId) ? asBlocked(change) : [change]));
  if (applied.length === 0) return { changes: NO_CHANGES, applied, blocked };
  const { rows } = await client.query<{
    runs_inserted: number;
    runs_deleted: number;
    ledger_written: number;
    kept_out: number;
  }>(RELINK, [
    applied.map(({ legacyId }) => legacyId),
    applied.map(({ was }) => was.decision),
    applied.map(({ was }) => was.canonicalRunId),
    applied.map(({ becomes }) => becomes.decision),
    applied.map(({ becomes }) => becomes.canonicalRunId),
    applied.map(({ becomes }) => becomes.reason),
    applied.map(({ legacyId }) => canonicalRunId(legacyId)),
    RULE_VERSION,
  ]);
  const [row] = rows;
  assert(row !== undefined, 'relinking returned no counts');
  assertNoneKeptOut(row.kept_out);
  // A session without our locks has changed a row in between, so the plan is outdated.
  if (row.ledger_written !== applied.length) throw new Conflict('the ledger changed while twins were linked');
  const changes = {
    runsInserted: row.runs_inserted,
    runsUpdated: 0,
    runsDeleted: row.runs_deleted,
    ledgerWritten: row.ledger_written,
  };
  return { changes, applied, blocked };
}

async function blockedBy(client: Client, planned: readonly LinkChange[]): Promise<Map<string, string>> {
  const absorbed = planned.filter(
    ({ was, becomes }) => was.decision === 'projected' && becomes.decision === 'twin',
  );
  if (absorbed.length === 0) return new Map();
  const runIds = absorbed.flatMap(({ was }) => was.canonicalRunId ?? []);
  const referred = await referencesTo(client, runIds);
  return new Map(
    absorbed.flatMap(({ legacyId, was }) => {
      const table = referred.get(was.canonicalRunId ?? '');
      return table === undefined ? [] : [[legacyId, table] as const];
    }),
  );
}

/** The change for a row of ours that stays: the ledger gets the reason. */
function asBlocked({ legacyId, was, reason }: LinkChange): LinkChange[] {
  if (reason === TWIN_BLOCKED) return [];
  const { canonicalRunId: runId } = was;
  return [
    {
      legacyId,
      was,
      reason,
      becomes: { decision: was.decision, canonicalRunId: runId, reason: TWIN_BLOCKED },
    },
  ];
}
