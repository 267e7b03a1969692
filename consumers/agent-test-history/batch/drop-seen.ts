import { FatalError } from '../../../lib/errors.ts';
import { comparePositions, formatPosition } from '../../../lib/position.ts';
import type { RowFacts } from '../rule/row-facts.ts';
import type { Tally } from './result.ts';
import type { Keyed } from './rounds.ts';

/** An event with the facts about its row. */
export interface Known<E extends Keyed = Keyed> {
  readonly event: E;
  readonly facts: RowFacts;
}

/** False if the ledger already has this event, or a later one of its key. */
export function isFresh({ event, facts: { entry } }: Known): boolean {
  const order = entry === null ? 'after' : comparePositions(event.position, entry.position);
  return order === 'after' || order === 'incomparable';
}

/** An event applies only beyond the position that the ledger has for its key. */
export function dropSeen(known: readonly Known[], tally: Tally): Known[] {
  return known.filter(({ event, facts: { entry } }) => {
    if (entry === null) return true;
    switch (comparePositions(event.position, entry.position)) {
      case 'after':
        return true;
      case 'same':
        tally.records.duplicate++;
        return false;
      case 'before':
        tally.records.stale++;
        return false;
      case 'incomparable':
        // Another topic was accepted as the successor. Within one topic, a key has one partition.
        if (event.position.topicId !== entry.position.topicId) return true;
        throw movedPartition(event);
    }
  });
}

function movedPartition({ position, legacyId }: Keyed): FatalError {
  return new FatalError({
    code: 'PARTITIONS_CHANGED',
    message: `record ${formatPosition(position)} is of legacy row ${legacyId}, which was seen in another partition before`,
    wayOut:
      'all records of a key must be in one partition: make a new topic, snapshot the table into it, then run `history-cdc project --accept-new-topic`',
    facts: { partition: position.partition, offset: String(position.offset) },
  });
}
