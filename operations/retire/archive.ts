import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

const OPEN_BEFORE = sqlFile(import.meta.url, './sql/open-before-fence.sql');
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

/** Why the archive is none on which the end of the table may rest; empty if it is one. */
export async function archiveRefusals(
  legacy: Client,
  { archive, fenceXid }: { archive: VerifiedArchive | undefined; fenceXid: string },
): Promise<string[]> {
  if (archive === undefined)
    return ['no archive stands verified: `history-cdc archive export`, then `history-cdc archive verify`'];
  if (archive.isBehind) return [];
  const open = (await legacy.query<OpenTransaction>(OPEN_BEFORE, [fenceXid])).rows;
  const now =
    open.length === 0
      ? 'they are over now'
      : `still open: ${open.map(describeOpen).join('; ')}; end them first`;
  return [
    `archive ${archive.id} was verified with a snapshot in which transactions from before the fence were open (${now}): \`history-cdc archive export\`, then \`history-cdc archive verify\``,
  ];
}

/** A transaction that began before the fence. */
interface OpenTransaction {
  /** Null of a prepared transaction, which has no session. */
  readonly pid: number | null;
  readonly role: string | null;
  readonly application: string | null;
  readonly database: string | null;
  /** Null where it is hidden from our role. */
  readonly since: Date | null;
  /** The name of the prepared transaction. */
  readonly prepared: string | null;
}

function describeOpen({ pid, role, application, database, since, prepared }: OpenTransaction): string {
  const who = pid === null ? `the prepared transaction ${prepared ?? '?'}` : `pid ${String(pid)}`;
  const parts = [
    `role ${role ?? '?'}`,
    ...(application === null ? [] : [`application ${application}`]),
    `database ${database ?? '?'}`,
    since === null ? 'since when is hidden from this role' : `since ${since.toISOString()}`,
  ];
  return `${who} (${parts.join(', ')})`;
}
