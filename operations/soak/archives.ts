import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { certain } from '../facts/postgres.ts';

/** An archive whose newest event is a verification that found no difference. */
export interface VerifiedArchive {
  readonly id: string;
  readonly target: string;
  readonly rows: number;
  readonly snapshotAt: Date;
  readonly snapshotLsn: string;
  /** SHA-256 of the manifest. */
  readonly manifest: string;
  readonly verifiedAt: Date;
  /** Rows of the ledger that the stream changed behind the archive's snapshot. */
  readonly changed: number;
}

export interface ArchiveFacts {
  readonly verified: VerifiedArchive | null;
  /** Rows of the legacy table, by the ledger: those whose delete was never seen. */
  readonly legacyRows: number;
}

const ARCHIVES = sqlFile(import.meta.url, './sql/archives.sql');
/** By the ledger: to count the table itself would be one more read of it. */
const LEGACY_ROWS = `
  SELECT count(*)::float8 AS rows FROM history_cdc.ledger WHERE source_deleted_at IS NULL AND decision <> 'gone'`;

export async function readArchives(client: Client): Promise<ArchiveFacts> {
  const [verified = null] = (await client.query<VerifiedArchive>(ARCHIVES)).rows;
  return { verified, legacyRows: certain((await client.query<{ rows: number }>(LEGACY_ROWS)).rows[0]).rows };
}
