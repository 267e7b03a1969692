import { comparePositions, type Position } from '../../lib/position.ts';
import type { SourceEvent } from '../../consumers/agent-test-history/record/event.ts';
import type { Decision } from '../../consumers/agent-test-history/rule/outcome.ts';

/** What the ledger has for a key, as far as a retry depends on it. */
export interface Standpoint {
  readonly decision: Decision;
  readonly position: Position;
  readonly op: string;
  readonly lsn: bigint | null;
  readonly snapshot: boolean;
  /** Of a deleted row. */
  readonly deletedAtMs: number | null;
}

/**
 * How the parked records of a key stand to what the ledger has for it:
 * - `apply`: the ledger is before them, and the pipeline takes them in their order;
 * - `rewind`: the ledger stands at them or behind them without any content since, so it goes back first;
 * - `superseded`: a later event of the key was applied, and they are of no importance;
 * - `waiting`: whether a later event was applied shows only when another parked record is mended.
 */
export type Standing = 'apply' | 'rewind' | 'superseded' | 'waiting';

/**
 * A record that was parked under its key is healed by the next complete event of it. So if it is still open, the ledger
 * has seen nothing behind it but other parked records, deletes, and images that change no row. Of a record that was
 * parked without a key nobody knows that: it is let in only where no content can have been seen.
 */
export function standingOf(
  records: { readonly first: Position; readonly last: Position; readonly parkedWithKey: boolean },
  entry: Standpoint | undefined,
): Standing {
  if (entry === undefined) return 'apply';
  const { decision, position } = entry;
  if (position.topicId !== records.first.topicId) {
    // The ledger went on in the topic that followed, which began with the whole table.
    return decision === 'quarantined' ? 'waiting' : 'superseded';
  }
  const order = comparePositions(records.first, position);
  // In one topic a key has one partition: the pipeline refuses the other.
  if (order === 'after' || order === 'incomparable') return 'apply';
  if (!records.parkedWithKey) return keylessStanding(decision);
  if (decision === 'quarantined' || entry.op === 'd') return 'rewind';
  return comparePositions(records.last, position) === 'after' ? 'apply' : 'superseded';
}

function keylessStanding(decision: Decision): Standing {
  if (decision === 'gone') return 'rewind';
  return decision === 'quarantined' ? 'waiting' : 'superseded';
}

export const EARLIER_TOPIC =
  'it is of an earlier topic: the snapshot of the current topic decides its row; waive it where the row is gone from the table';

/**
 * A truncate is no matter of one key: a person accepts it where the projector meets it. A record of an earlier topic never
 * decides: the current topic began with the whole table, so a row that is not in the ledger was gone by then, and the old
 * image would bring it back. What a sweep parked has no record: it is read from the table, and goes on.
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
