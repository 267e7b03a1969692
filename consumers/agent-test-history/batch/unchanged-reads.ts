import type { Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { MOVED_AWAY } from '../rule/decide.ts';
import type { Known } from './drop-seen.ts';
import { isComplete, type CompleteRow } from '../record/event.ts';
import type { LedgerEntry } from '../rule/row-facts.ts';
import { isOpenDecision } from '../rule/outcome.ts';

const UNCHANGED_READS = sqlFile(import.meta.url, './sql/unchanged-reads.sql');

interface Grace {
  readonly client: Client;
  readonly graceSeconds?: number;
}

/**
 * Finds the rows that a snapshot read again with the content that the ledger has, and whose grace window is over.
 * Returns their legacy ids. A re-read is not a change, so these rows are not decided again, whatever the look-ups say
 * today. For example, the old run of a stranger who became a member since waits for a person (`redecide` lists it).
 * Without this, the repair of a gap by `snapshot start` would project such runs. A row with different content is not
 * returned, because an update of it was missed; nor is a row that the ledger has as deleted, because it was inserted
 * again.
 */
export async function unchangedReads(
  { client, graceSeconds = 0 }: Grace,
  fresh: readonly Known[],
): Promise<ReadonlySet<string>> {
  const reads = fresh.flatMap(({ event, facts: { entry } }) => {
    if (event.kind !== 'image' || !event.snapshot || entry === null || !isComplete(event.row)) return [];
    const isOld = entry.decidedSecondsAgo >= graceSeconds && !entry.sourceDeleted;
    return isOld && mayDiffer(entry) ? [{ legacyId: event.legacyId, row: event.row }] : [];
  });
  if (reads.length === 0) return new Set();
  const of = <T>(value: (row: CompleteRow) => T) => reads.map(({ row }) => value(row));
  const { rows } = await client.query<{ legacy_id: string }>(UNCHANGED_READS, [
    reads.map(({ legacyId }) => legacyId),
    of(({ agentContextId }) => agentContextId),
    of(({ scenario }) => scenario),
    of(({ overallPassed }) => overallPassed),
    of(({ stepsPassed }) => stepsPassed),
    of(({ stepsFailed }) => stepsFailed),
    of(({ totalDurationMs }) => totalDurationMs),
    of(({ summary }) => summary),
    of(({ dryRun }) => dryRun),
    of(({ userId }) => userId),
    of(({ agentProfileJson }) => agentProfileJson?.toString() ?? null),
    of(({ startedAt }) => startedAt),
    of(({ storyboards }) => storyboards),
  ]);
  return new Set(rows.map(({ legacy_id }) => legacy_id));
}

/** True if today's look-ups could change the decision or the canonical row. */
function mayDiffer({ decision, reason }: LedgerEntry): boolean {
  return isOpenDecision(decision) || (decision === 'projected' && reason === MOVED_AWAY);
}
