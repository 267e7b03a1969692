import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

const CLOSING = sqlFile(import.meta.url, './sql/closing-archive.sql');

/** The archive on which the end of the table rests. */
export interface VerifiedArchive {
  readonly id: string;
  readonly target: string;
  readonly manifestSha256: string;
  readonly rows: string;
  readonly verifiedAt: Date;
  /** The snapshot of the legacy table that it was compared with. */
  readonly snapshot: string | null;
  readonly snapshotLsn: string | null;
  /** Compared with the table as it was behind the fence. */
  readonly isBehind: boolean;
  /** Verified within the last 24 hours, by the clock of the canonical database. */
  readonly isFresh: boolean;
}

/** Undefined if no archive stands verified. */
export async function verifiedArchive(
  canonical: Client,
  fenceXid: string,
): Promise<VerifiedArchive | undefined> {
  return (await canonical.query<VerifiedArchive>(CLOSING, [fenceXid])).rows[0];
}

export function archiveRefusals(archive: VerifiedArchive | undefined): string[] {
  if (archive === undefined)
    return ['no archive stands verified: `history-cdc archive export`, then `history-cdc archive verify`'];
  if (archive.isBehind) return [];
  return [
    `archive ${archive.id} was verified with a snapshot in which transactions from before the fence were open: \`history-cdc archive export\`, then \`history-cdc archive verify\``,
  ];
}
