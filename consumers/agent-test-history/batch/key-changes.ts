/**
 * Parks the records of a changed primary key until the run can move to the new key. Debezium shows the change as a
 * delete of the old key and a create of the new one, each with a header that names the other key. The two records may
 * be in different partitions and come in either order. So while the change is under way, no record of the new key is
 * decided; it is parked with the reason `key_changed`. Once both halves were read, a sweep moves the decision and the
 * canonical row to the new key (sweep/moved-keys.ts), and decides what was parked. Without this, one run would become
 * two.
 */
import type { Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { decideUnusable, type Effect } from '../rule/decide.ts';
import type { Known } from './drop-seen.ts';
import { unusable, type ImageEvent, type UnusableEvent } from '../record/event.ts';
import type { RowFacts } from '../rule/row-facts.ts';
import type { Keyed } from './rounds.ts';

const RECORD_KEY_CHANGES = sqlFile(import.meta.url, './sql/record-key-changes.sql');

/** The reason of a key whose run has moved to another key. */
export const KEY_CHANGED = 'key_changed';

/** Parks the images whose keys take part in a change that is under way. The others are returned, to be decided. */
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

/** The record as an unusable one that waits for the other half of the change. Undefined if its key has not changed. */
function heldByKeyChange(event: ImageEvent, { awaitsKeyChange, entry }: RowFacts): UnusableEvent | undefined {
  if (event.otherKey !== undefined || awaitsKeyChange)
    return unusable(
      event,
      KEY_CHANGED,
      'the primary key was changed: a sweep moves the run once both records have been read',
    );
  return entry?.decision === 'gone' && entry.reason === KEY_CHANGED
    ? unusable(event, KEY_CHANGED, 'the run of this key has moved to another key, and this key is used again')
    : undefined;
}

/** Stores those of the events that are one half of a key change. */
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
