import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

const LIST = sqlFile(import.meta.url, './sql/list.sql');
const COUNTS = sqlFile(import.meta.url, './sql/counts.sql');
const RECORD = sqlFile(import.meta.url, './sql/record.sql');

/**
 * `open`: waits for a person. `waived`: a person gave it up. `healed`: a later event or a retry made it unimportant.
 */
export type RecordState = 'open' | 'waived' | 'healed';

/** A parked record without its bytes. It contains no value of the row. */
export interface ParkedRecord {
  readonly id: string;
  /** Null if the topic is no longer known. */
  readonly topic: string | null;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: string;
  readonly legacy_id: string | null;
  readonly reason: string;
  readonly detail: string;
  readonly quarantined_at: Date;
  readonly attempts: number;
  readonly attempted_at: Date | null;
  readonly healed_at: Date | null;
  readonly waived_at: Date | null;
  readonly waived_by: string | null;
  readonly waive_reason: string | null;
  readonly key_bytes: number | null;
  readonly value_bytes: number | null;
  /** Stored in place of a value that was removed, or that was too large to keep. */
  readonly value_sha256: string | null;
  readonly erased_at: Date | null;
  readonly state: RecordState;
}

/** A parked record with its bytes, and the ledger's row of its key. */
export interface WholeRecord extends ParkedRecord {
  readonly record_key: Buffer | null;
  readonly record_value: Buffer | null;
  readonly ledger: Readonly<Record<string, unknown>> | null;
}

export interface ReasonCount {
  readonly reason: string;
  readonly open: number;
  readonly waived: number;
  readonly healed: number;
}

export interface Listed {
  readonly reason?: string | undefined;
  readonly legacyId?: string | undefined;
  /** Includes waived and healed records. */
  readonly all: boolean;
  readonly limit: number;
}

export async function listRecords(
  client: Client,
  { reason, legacyId, all, limit }: Listed,
): Promise<ParkedRecord[]> {
  return (await client.query<ParkedRecord>(LIST, [reason ?? null, legacyId ?? null, all, limit])).rows;
}

/** Counts everything that was ever parked, whatever is listed. */
export async function countRecords(client: Client): Promise<ReasonCount[]> {
  return (await client.query<ReasonCount>(COUNTS)).rows;
}

export async function readRecord(client: Client, id: string): Promise<WholeRecord | undefined> {
  return (await client.query<WholeRecord>(RECORD, [id])).rows[0];
}
