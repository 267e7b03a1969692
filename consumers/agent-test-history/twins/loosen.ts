import { isComplete, type ImageEvent } from '../record/event.ts';
import type { LedgerEntry } from '../rule/row-facts.ts';
import { wasMoved } from '../rule/moved.ts';
import { epochMicros } from '../record/timestamp.ts';
import { canonicalRunId } from '../rule/canonical-run-id.ts';
import type { Client } from '../../../lib/postgres.ts';
import type { Matching } from './matching.ts';
import { OWNER } from '../rule/outcome.ts';
import { OPTED_OUT, type LinkChange } from './plan-links.ts';
import { relink, type Relinked } from './relink.ts';

interface Decided {
  readonly event: ImageEvent;
  readonly entry: LedgerEntry;
  /** False if retention has removed the canonical row. */
  readonly runExists: boolean;
}

/**
 * Undoes the links of unsettled twins that have a new image, before the image is decided. The link was made for the
 * former image; if the new image still looks like the live row, it is linked again. Three kinds of links are not
 * undone:
 * - The row was moved to another agent or user. Unlinking it would give one run two canonical rows, so the link is
 *   settled.
 * - The row changed after the pair's time was over. The link is settled, because otherwise a later neighbour could
 *   still take the live row, and our row would come back as it was before the change.
 * - Retention has removed the live row. Undoing the link would bring the run back.
 */
export async function loosenTwins(
  client: Client,
  decided: readonly Decided[],
  matching: Matching,
): Promise<Relinked> {
  const twins = decided.filter(({ entry }) => entry.unsettled !== null);
  const settled = twins.filter((twin) => isFinal(twin, matching.settleAfterUs));
  if (settled.length > 0) {
    await client.query(SETTLE, [settled.map(({ event }) => event.legacyId)]);
  }
  const open = twins.filter(
    (twin) =>
      !isFinal(twin, matching.settleAfterUs) && isInTime(twin, matching.settleAfterUs) && isDecidable(twin),
  );
  return await relink(client, open.map(unlinked));
}

const SETTLE = 'DELETE FROM history_cdc.unsettled_twin WHERE legacy_id = ANY ($1::uuid[])';

function isFinal(twin: Decided, settleAfterUs: bigint): boolean {
  const { event, entry, runExists } = twin;
  // The time of a snapshot read does not say when the row was changed.
  const isLate = !event.snapshot && event.committedAtMs !== null && !isInTime(twin, settleAfterUs);
  return !runExists || isLate || wasMoved(event, entry);
}

/** Judged by the source's own times, so that a replay years later has the same result. */
function isInTime(
  { event: { committedAtMs }, entry: { startedAt } }: Decided,
  settleAfterUs: bigint,
): boolean {
  const startedAtUs = startedAt === null ? undefined : epochMicros(startedAt);
  if (committedAtMs === null || startedAtUs === undefined) return false;
  return BigInt(committedAtMs) * 1000n <= startedAtUs + settleAfterUs;
}

/** True if the link can be replaced by a decision: the values of the row, or our own row, must be there. */
function isDecidable({ event, entry }: Decided): boolean {
  return isComplete(event.row) || entry.unsettled?.hasRun === true;
}

function unlinked({ event: { legacyId }, entry }: Decided): LinkChange {
  const { canonicalRunId: liveRunId, reason, unsettled } = entry;
  const was = { decision: 'twin' as const, canonicalRunId: liveRunId };
  return unsettled?.hasRun === true
    ? {
        legacyId,
        was,
        reason,
        becomes: { decision: 'projected', canonicalRunId: canonicalRunId(legacyId), reason: OWNER },
      }
    : { legacyId, was, reason, becomes: { decision: 'opted_out', canonicalRunId: null, reason: OPTED_OUT } };
}
