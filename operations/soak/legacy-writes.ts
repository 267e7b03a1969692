import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { certain } from '../facts/postgres.ts';

/** A write to the legacy table, as the stream showed it. */
export interface LegacyWrite {
  readonly legacyId: string;
  readonly columns: readonly string[];
  /** By the source's own clock; null where the record did not say. */
  readonly sourceAt: Date | null;
  /** When the projector read it, by the clock of the canonical database. */
  readonly seenAt: Date;
}

export interface LegacyWrites {
  /** Null: not every partition is watched by a projector that keeps the last writes. */
  readonly watchedSince: Date | null;
  readonly ownerInsert: LegacyWrite | null;
  readonly update: LegacyWrite | null;
}

interface Stored {
  readonly legacy_id: string;
  readonly columns: string[];
  readonly source_at: string | null;
  readonly seen_at: string;
}

const LEGACY_WRITES = sqlFile(import.meta.url, './sql/legacy-writes.sql');

export async function readLegacyWrites(client: Client): Promise<LegacyWrites> {
  const { rows } = await client.query<{
    watchedSince: Date | null;
    ownerInsert: Stored | null;
    update: Stored | null;
  }>(LEGACY_WRITES);
  const { watchedSince, ownerInsert, update } = certain(rows[0]);
  return { watchedSince, ownerInsert: writeOf(ownerInsert), update: writeOf(update) };
}

function writeOf(stored: Stored | null): LegacyWrite | null {
  if (stored === null) return null;
  const { legacy_id: legacyId, columns, source_at: sourceAt, seen_at: seenAt } = stored;
  return {
    legacyId,
    columns,
    sourceAt: sourceAt === null ? null : new Date(sourceAt),
    seenAt: new Date(seenAt),
  };
}

/** The later of the two clocks, so that a source whose clock is behind makes nothing quiet. */
export function writtenAt({ sourceAt, seenAt }: LegacyWrite): Date {
  return sourceAt !== null && sourceAt > seenAt ? sourceAt : seenAt;
}
