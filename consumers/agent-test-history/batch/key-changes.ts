/**
 * A changed primary key is one run, not two. Debezium shows the change as a delete of the old key and a create of the new one, and
 * names the other key in a header of each. The two records may lie in different partitions and come in either order, so no
 * record of the new key is decided while the change is under way: it is parked with the reason `key_changed`. Once both
 * halves were read, a sweep moves the decision and its canonical row to the new key (sweep/moved-keys.ts), and decides what was parked.
 */
import type { Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { decideUnusable, type Effect } from '../rule/decide.ts';
import type { Known } from './drop-seen.ts';
import { unusable, type ImageEvent, type UnusableEvent } from '../record/event.ts';
import type { RowFacts } from '../rule/row-facts.ts';
import type { Keyed } from './rounds.ts';

const RECORD_KEY_CHANGES = sqlFile(import.meta.url, './sql/record-key-changes.sql');

/** The reason of a key whose run went to another key; only its name is left. */
export const KEY_CHANGED = 'key_changed';

/** Parks the images whose keys take part in a change that is under way, and leaves the others to be decided. */
export function holdKeyChanges(unseen: readonly Known[]): {
  readonly held: readonly Effect[];
  readonly free: readonly Known[];
} {
  const held: Effect[] = [];
  const free: Known[] = [];
  for (const known of unseen) {
    const parked = known.event.kind === 'image' ? heldByKeyChange(known.event, known.facts) : undefined;
    if (parked === undefined) free.push(known);
    else held.push(decideUnusable(parked, known.facts));
  }
  return { held, free };
}

/** The record as one that waits for the other half of the change; undefined where its key takes part in none. */
function heldByKeyChange(event: ImageEvent, { awaitsKeyChange, entry }: RowFacts): UnusableEvent | undefined {
  if (event.otherKey !== undefined || awaitsKeyChange)
    return unusable(
      event,
      KEY_CHANGED,
      'the primary key was changed: the run moves once both records were read',
    );
  return entry?.decision === 'gone' && entry.reason === KEY_CHANGED
    ? unusable(event, KEY_CHANGED, 'the run of this key went to another key, and the key is used again')
    : undefined;
}

/** Records the halves that these events are. */
export async function recordKeyChanges(client: Client, events: readonly Keyed[]): Promise<void> {
  const halves = events.flatMap((event) => {
    if (event.kind === 'unusable' || event.otherKey === undefined) return [];
    const { kind, legacyId, otherKey, position } = event;
    return kind === 'delete'
      ? [{ oldId: legacyId, newId: otherKey, position, isDelete: true }]
      : [{ oldId: otherKey, newId: legacyId, position, isDelete: false }];
  });
  if (halves.length === 0) return;
  await client.query(RECORD_KEY_CHANGES, [
    halves.map(({ oldId }) => oldId),
    halves.map(({ newId }) => newId),
    halves.map(({ position }) => position.topicId),
    halves.map(({ position }) => position.offset),
    halves.map(({ isDelete }) => isDelete),
  ]);
}
