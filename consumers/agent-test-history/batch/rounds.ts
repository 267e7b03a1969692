import { FatalError } from '../../../lib/errors.ts';
import { formatPosition } from '../../../lib/position.ts';
import type { KeyedEvent, SourceEvent, TruncateEvent, UnusableEvent } from '../record/event.ts';
import type { Tally } from './result.ts';

export type Keyed = KeyedEvent & { readonly legacyId: string };
export interface Round {
  readonly keyed: Keyed[];
  readonly keyless: UnusableEvent[];
}

/** Splits a batch into rounds in which no key occurs twice. A batch of a snapshot is one round. */
export function roundsOf(events: readonly SourceEvent[], tally: Tally): Round[] {
  const rounds: Round[] = [];
  const occurrences = new Map<string, number>();
  const round = (index: number) => (rounds[index] ??= { keyed: [], keyless: [] });
  for (const event of events) {
    if (event.kind === 'truncate') {
      if (event.accepted === true) continue;
      throw sourceTruncated(event);
    }
    tally.read++;
    if (event.kind === 'tombstone') tally.records.tombstone++;
    else if (event.kind === 'unusable' && event.legacyId === null) round(0).keyless.push(event);
    else {
      const keyed = event as Keyed;
      const nth = occurrences.get(keyed.legacyId) ?? 0;
      occurrences.set(keyed.legacyId, nth + 1);
      round(nth).keyed.push(keyed);
    }
  }
  return rounds;
}

function sourceTruncated({ position }: TruncateEvent): FatalError {
  return new FatalError({
    code: 'SOURCE_TRUNCATED',
    message: `agent_test_history was truncated (record ${formatPosition(position)})`,
    wayOut: `nothing of ours was removed. If the truncate was intended, go on with \`history-cdc project --accept-truncate ${formatPosition(position)}\``,
    facts: { partition: position.partition, offset: String(position.offset) },
  });
}
