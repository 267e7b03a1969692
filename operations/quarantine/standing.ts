import { comparePositions, type Position } from '../../lib/position.ts';
import type { SourceEvent } from '../../consumers/agent-test-history/record/event.ts';
import type { Decision } from '../../consumers/agent-test-history/rule/outcome.ts';

/** The part of a key's ledger row on which a retry depends. */
export interface Standpoint {
  readonly decision: Decision;
  readonly position: Position;
  readonly op: string;
  readonly lsn: bigint | null;
  readonly snapshot: boolean;
  /** Set if the row was deleted. */
  readonly deletedAtMs: number | null;
}

/**
 * How the parked records of a key relate to the key's ledger row:
 * - `apply`: the ledger is before them, and the pipeline takes them in order;
 * - `rewind`: the ledger is at or after them but has seen no content since, so its position is moved back first;
 * - `superseded`: a later event of the key was applied, so they are unimportant;
 * - `waiting`: another parked record must be settled before it is known whether a later event was applied.
 */
export type Standing = 'apply' | 'rewind' | 'superseded' | 'waiting';

/** The ledger stands at a record that was not applied, with a decision that came from another key. */
const PARKED = '?';

/**
 * A record that is parked under its key is healed by the next complete event of the key. So if it is still open, the
 * ledger has seen nothing later than other parked records, deletes, and images that change no row. For a record that is
 * parked without a key, this is not known, so it is let in only if no content can have been seen.
 */
export function standingOf(
  records: { readonly first: Position; readonly last: Position; readonly parkedWithKey: boolean },
  entry: Standpoint | undefined,
): Standing {
  if (entry === undefined) return 'apply';
  const { decision, position } = entry;
  if (position.topicId !== records.first.topicId) {
    // The ledger went on in the next topic, which began with the whole table.
    return decision === 'quarantined' ? 'waiting' : 'superseded';
  }
  const order = comparePositions(records.first, position);
  // In one topic a key has one partition, so the pipeline refuses any other.
  if (order === 'after' || order === 'incomparable') return 'apply';
  if (!records.parkedWithKey) return keylessStanding(decision);
  if (decision === 'quarantined' || entry.op === 'd' || entry.op === PARKED) return 'rewind';
  return comparePositions(records.last, position) === 'after' ? 'apply' : 'superseded';
}

function keylessStanding(decision: Decision): Standing {
  if (decision === 'gone') return 'rewind';
  return decision === 'quarantined' ? 'waiting' : 'superseded';
}

export const EARLIER_TOPIC =
  'it belongs to an earlier topic: the snapshot of the current topic decides its row; if the row is gone from the table, waive the record';

/**
 * Records that a retry leaves alone. A truncate does not belong to one key; a person accepts it where the projector
 * meets it. A record of an earlier topic never decides: the current topic began with the whole table, so a row without
 * a ledger entry was gone by then, and the old image would bring it back. A row parked by a sweep has no record; it is
 * read from the table and retried.
 */
export function isWithheld(
  { events }: { readonly events: readonly SourceEvent[] },
  standing: Standing,
  isEarlier: boolean,
): boolean {
  if (events.some(({ kind }) => kind === 'truncate')) return true;
  const hasRecord = (event: SourceEvent) =>
    'record' in event && (event.record.key !== null || event.record.value !== null);
  return isEarlier && standing !== 'superseded' && events.some(hasRecord);
}
