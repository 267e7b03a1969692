import { UNAVAILABLE, type ImageEvent } from '../record/event.ts';
import type { LedgerEntry } from './row-facts.ts';

/** True if the row has another context or another user than its decision. */
export function wasMoved({ row }: ImageEvent, entry: LedgerEntry): boolean {
  return (
    row.agentContextId !== entry.agentContextId || (row.userId !== UNAVAILABLE && row.userId !== entry.userId)
  );
}
