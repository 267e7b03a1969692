import assert from 'node:assert/strict';
import type { Client, Pool } from '../../lib/postgres.ts';
import { Conflict } from '../../lib/postgres-errors.ts';
import type { Position } from '../../lib/position.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { Decoder } from '../../consumers/agent-test-history/record/decode.ts';
import type {
  CompleteRow,
  DeleteEvent,
  QuarantineReason,
  RawRecord,
  SourceEvent,
  UnusableEvent,
} from '../../consumers/agent-test-history/record/event.ts';
import { readLegacyRows } from '../../consumers/agent-test-history/sweep/legacy-rows.ts';

const SIZES = sqlFile(import.meta.url, './sql/story-sizes.sql');
const STORED = sqlFile(import.meta.url, './sql/stored-records.sql');
const RECORDS_AT_ONCE = 200;
const BYTES_AT_ONCE = 16 * 1024 * 1024;

/** The parked records of one key in one partition, in order. A record without a key is a story of its own. */
export interface Story {
  readonly ids: readonly string[];
  /** The key under which they were parked; null if the key could not be read. */
  readonly parkedKey: string | null;
  /** As decoded today, one per record. */
  readonly events: readonly SourceEvent[];
  /**
   * Deletes of the key between those records. They could be read, but the record after each of them took their place in
   * the ledger.
   */
  readonly deletes: readonly DeleteEvent[];
}

/** The ids of stories for one transaction, all of one partition. */
export interface Plan {
  readonly topicId: string;
  readonly partition: number;
  readonly ids: readonly string[];
}

interface Sized {
  readonly id: string;
  readonly legacy_id: string | null;
  readonly topic_id: string;
  readonly partition: number;
  readonly bytes: number;
}

/**
 * The whole stories of records, in bounded portions. A record without a key stands alone, because its key may be that
 * of another.
 */
export async function planStories(
  client: Client,
  records: readonly { readonly id: string; readonly legacy_id: string | null }[],
): Promise<Plan[]> {
  const keys = [...new Set(records.flatMap(({ legacy_id }) => legacy_id ?? []))];
  const { rows } = await client.query<Sized>(SIZES, [keys, records.map(({ id }) => id)]);
  const byStory = new Map<string, Sized[]>();
  for (const row of rows) {
    const name = `${row.topic_id} ${String(row.partition)} ${row.legacy_id ?? `record ${row.id}`}`;
    byStory.set(name, [...(byStory.get(name) ?? []), row]);
  }
  return portions([...byStory.values()]);
}

function portions(stories: readonly (readonly Sized[])[]): Plan[] {
  const plans: { topicId: string; partition: number; ids: string[]; bytes: number; open: boolean }[] = [];
  for (const story of stories) {
    const [first] = story;
    if (first === undefined) continue;
    const { topic_id: topicId, partition } = first;
    const bytes = story.reduce((sum, row) => sum + row.bytes, 0);
    const ids = story.map(({ id }) => id);
    const fitting =
      first.legacy_id === null
        ? undefined
        : plans.find(
            (plan) =>
              plan.open &&
              plan.topicId === topicId &&
              plan.partition === partition &&
              plan.ids.length + ids.length <= RECORDS_AT_ONCE &&
              plan.bytes + bytes <= BYTES_AT_ONCE,
          );
    if (fitting === undefined) plans.push({ topicId, partition, ids, bytes, open: first.legacy_id !== null });
    else {
      fitting.ids.push(...ids);
      fitting.bytes += bytes;
    }
  }
  return plans;
}

interface StoredRow {
  readonly reason: QuarantineReason;
  readonly detail: string;
  /** True if the content was removed, or never kept. */
  readonly is_unkept: boolean;
  readonly id: string;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: string;
  readonly legacy_id: string | null;
  readonly record_key: Buffer | null;
  readonly record_value: Buffer | null;
  readonly delete_before_offset: string | null;
  readonly delete_before_lsn: string | null;
  readonly delete_before_snapshot: boolean | null;
  readonly delete_before_at_ms: string | null;
}

interface OpenStory extends Story {
  readonly ids: string[];
  readonly events: SourceEvent[];
  readonly deletes: DeleteEvent[];
}

/** Reads and decodes the records of a plan before any transaction starts, because the registry may be slow. */
export async function readStories(
  { canonical, legacy }: { readonly canonical: Client; readonly legacy: Pool },
  plan: Plan,
  decode: Decoder,
): Promise<Story[]> {
  const { rows } = await canonical.query<StoredRow>(STORED, [plan.ids]);
  const records = rows.map(({ offset, record_key, record_value }): RawRecord => ({
    offset: BigInt(offset),
    key: record_key,
    value: record_value,
  }));
  const decoded = await decode(records, plan);
  const withoutRecord = rows.filter(hasNoRecord).flatMap(({ legacy_id }) => legacy_id ?? []);
  const images = await readLegacyRows(legacy, withoutRecord);
  const events = decoded.map((event, index) => {
    const row = rows[index];
    return row !== undefined && hasNoRecord(row) ? readAgain(row, images) : event;
  });
  const byStory = new Map<string, OpenStory>();
  for (const [index, row] of rows.entries()) {
    const event = row.is_unkept ? unkept(row, events[index]) : events[index];
    assert(event !== undefined, 'the decoder did not answer once for each record');
    const { id, legacy_id: parkedKey } = row;
    const name = parkedKey ?? `record ${id}`;
    const story = byStory.get(name) ?? { ids: [], parkedKey, events: [], deletes: [] };
    story.deletes.push(...deletesBetween(story, row));
    story.ids.push(id);
    story.events.push(event);
    byStory.set(name, story);
  }
  return [...byStory.values()];
}

/**
 * True for a row that a sweep or `redecide` parked: it came from the legacy table, so there is no record of the topic.
 */
function hasNoRecord({ legacy_id, record_key, record_value }: StoredRow): boolean {
  return legacy_id !== null && record_key === null && record_value === null;
}

function readAgain(
  { legacy_id, topic_id: topicId, partition, offset }: StoredRow,
  images: ReadonlyMap<string, CompleteRow>,
): SourceEvent {
  const legacyId = legacy_id ?? '';
  const position = { topicId, partition, offset: BigInt(offset) };
  const record = { offset: position.offset, key: null, value: null };
  const common = { position, legacyId, record };
  const row = images.get(legacyId);
  if (row !== undefined)
    return { ...common, kind: 'image', op: 'r', lsn: null, snapshot: true, committedAtMs: null, row };
  const detail = 'the row is gone from the legacy table';
  return { ...common, kind: 'unusable', reason: 'value_unavailable', detail };
}

/**
 * Without the content nothing can be tried, so the fault of the record stays as it is. The position is that of the
 * removed bytes.
 */
function unkept(
  { legacy_id: legacyId, reason, detail }: StoredRow,
  read: SourceEvent | undefined,
): UnusableEvent {
  assert(read !== undefined, 'the decoder did not answer once for each record');
  const { position } = read;
  const record = { offset: position.offset, key: null, value: null };
  return { kind: 'unusable', position, legacyId, reason, detail, record };
}

/**
 * The delete before a record, if another record of the story is before that delete. A delete before all of them is done
 * already.
 */
function deletesBetween({ events }: Story, row: StoredRow): DeleteEvent[] {
  const { legacy_id: key, delete_before_offset: offset, delete_before_at_ms: atMs } = row;
  const [first] = events;
  if (first === undefined || key === null || offset === null || atMs === null) return [];
  if (BigInt(offset) <= first.position.offset) return [];
  return [
    deleteOf(key, {
      position: { ...first.position, offset: BigInt(offset) },
      lsn: row.delete_before_lsn === null ? null : BigInt(row.delete_before_lsn),
      snapshot: row.delete_before_snapshot === true,
      deletedAtMs: Number(atMs),
    }),
  ];
}

/** The delete as an event again. Nothing else of its record is needed. */
export function deleteOf(
  legacyId: string,
  deleted: Pick<DeleteEvent, 'position' | 'lsn' | 'snapshot' | 'deletedAtMs'>,
): DeleteEvent {
  const record = { offset: deleted.position.offset, key: null, value: null };
  return { kind: 'delete', legacyId, ...deleted, record };
}

/** The key of the row, as it can be read today. */
export function keyOf({ parkedKey, events }: Story): string | null {
  if (parkedKey !== null) return parkedKey;
  const [only] = events;
  return only === undefined || !('legacyId' in only) ? null : only.legacyId;
}

/** The first and last position of a story. */
export function spanOf({ events }: Story): { readonly first: Position; readonly last: Position } {
  const [first, last] = [events[0], events.at(-1)];
  assert(first !== undefined && last !== undefined, 'a story has no record');
  return { first: first.position, last: last.position };
}

const OPEN_NOW = sqlFile(import.meta.url, './sql/open-now.sql');

/** Throws if records of these keys were parked or healed since the stories were read. They must then be read again. */
export async function assertUnchanged(
  client: Client,
  { topicId, partition }: Plan,
  stories: readonly Story[],
): Promise<void> {
  const keys = stories.flatMap(({ parkedKey }) => parkedKey ?? []);
  const ids = stories.flatMap((story) => story.ids);
  const { rows } = await client.query<{ id: string }>(OPEN_NOW, [topicId, partition, keys, ids]);
  const known = new Set(ids);
  if (rows.length !== known.size || rows.some(({ id }) => !known.has(id)))
    throw new Conflict('parked records of these keys have changed since they were read');
}
