/**
 * Keeps the last owner's run that was inserted into the legacy table, and the last update of any row, as the stream shows
 * them. `soak` counts its quiet days from there. A snapshot row is no write: that a row exists says nothing about when it
 * was written. A batch without such a write sends no statement.
 */
import { sqlFile } from '../../../lib/sql-file.ts';
import type { Client } from '../../../lib/postgres.ts';
import type { ImageEvent } from '../record/event.ts';
import { UNAVAILABLE } from '../record/event.ts';
import type { Effect, LaterImage, RecordDecision } from '../rule/decide.ts';
import { isOwnerDecision } from '../rule/outcome.ts';
import type { RowFacts } from '../rule/row-facts.ts';
import { KEY_CHANGED } from './key-changes.ts';

const LEGACY_WRITES = sqlFile(import.meta.url, './sql/legacy-writes.sql');
const ALIAS = 'forgotten:';

interface LegacyWrite {
  readonly kind: 'owner_insert' | 'update';
  readonly event: Pick<ImageEvent, 'position'> & {
    readonly legacyId: string | null;
    readonly committedAtMs?: number | null;
  };
  readonly columns: readonly string[];
}

/** Runs in the transaction of the effects, under the locks of their partitions. */
export async function keepLegacyWrites(client: Client, effects: readonly Effect[]): Promise<void> {
  const writes = lastOfEach(effects.flatMap(legacyWriteOf));
  if (writes.length === 0) return;
  await client.query(LEGACY_WRITES, [
    writes.map(({ event }) => event.position.topicId),
    writes.map(({ event }) => event.position.partition),
    writes.map(({ kind }) => kind),
    writes.map(({ event }) => event.position.offset),
    writes.map(({ event }) => event.legacyId),
    writes.map(({ columns }) => columns.join(',')),
    writes.map(({ event }) => sourceTimeOf(event.committedAtMs)),
  ]);
}

/** What the effect's event wrote to the legacy table, as far as it is watched. */
function legacyWriteOf(effect: Effect): LegacyWrite[] {
  switch (effect.effect) {
    case 'quarantine': {
      const { event } = effect;
      const isKeyChange = event.reason === KEY_CHANGED && event.legacyId !== null;
      return isKeyChange ? [{ kind: 'update', event, columns: ['id'] }] : [];
    }
    case 'record':
      return imageWriteOf(effect, isOwnersRun(effect));
    case 'later_image':
      return imageWriteOf(effect, true);
    default:
      return [];
  }
}

function imageWriteOf({ event, facts }: RecordDecision | LaterImage, isOwners: boolean): LegacyWrite[] {
  if (event.snapshot) return [];
  if (event.op !== 'u') return isOwners ? [{ kind: 'owner_insert', event, columns: [] }] : [];
  // A row that is decided anew where it stands was not written.
  return isDecidedAgain(event, facts) ? [] : [{ kind: 'update', event, columns: changedOf(event, facts) }];
}

function isOwnersRun({ decision }: RecordDecision): boolean {
  return isOwnerDecision(decision) || decision === 'opted_out';
}

function isDecidedAgain({ position }: ImageEvent, { entry }: RowFacts): boolean {
  return entry?.position.partition === position.partition && entry.position.offset === position.offset;
}

/** By what the ledger has of the row; the ledger has an alias of a user who was forgotten. */
function changedOf({ row }: ImageEvent, { entry }: RowFacts): string[] {
  const [context, user] = [entry?.agentContextId ?? null, entry?.userId ?? null];
  const columns = [
    ...(context !== null && context !== row.agentContextId ? ['agent_context_id'] : []),
    ...(user !== null && !user.startsWith(ALIAS) && row.userId !== UNAVAILABLE && row.userId !== user
      ? ['user_id']
      : []),
  ];
  return columns.length === 0 ? ['other'] : columns;
}

function lastOfEach(writes: readonly LegacyWrite[]): LegacyWrite[] {
  const last = new Map<string, LegacyWrite>();
  for (const write of writes) {
    const { topicId, partition, offset } = write.event.position;
    const key = `${topicId} ${String(partition)} ${write.kind}`;
    const before = last.get(key);
    if (before === undefined || before.event.position.offset < offset) last.set(key, write);
  }
  return [...last.values()];
}

function sourceTimeOf(committedAtMs: number | null | undefined): string | null {
  return committedAtMs == null ? null : new Date(committedAtMs).toISOString();
}
