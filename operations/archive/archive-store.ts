import { localUser, recordAction } from '../../consumers/agent-test-history/batch/actions.ts';
import { FatalError } from '../../lib/errors.ts';
import { inTransaction, ownSession, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { Manifest } from './manifest.ts';

const BEGIN = 'INSERT INTO history_cdc.archive (id, performed_by, target) VALUES ($1, $2, $3)';
const EVENT = sqlFile(import.meta.url, './sql/record-event.sql');
const ARCHIVES = sqlFile(import.meta.url, './sql/archives.sql');
const LOCK = "SELECT pg_try_advisory_lock(hashtextextended('history_cdc.archive', 0)) AS locked";
const FREE = 'SELECT pg_advisory_unlock_all()';
const HOLDER = `
  SELECT a.pid, a.application_name AS name, a.client_addr::text AS address
  FROM pg_locks l
  JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND (l.classid::bigint << 32) + l.objid::bigint = hashtextextended('history_cdc.archive', 0)`;

export type ArchiveEvent = 'exported' | 'verified' | 'differs' | 'drilled' | 'drill_differs' | 'erased';

/** What the database knows of an archive. */
export interface RecordedArchive {
  readonly id: string;
  readonly at: Date;
  readonly performed_by: string;
  readonly target: string;
  /** The newest event; null of an export that never came to its end. */
  readonly event: ArchiveEvent | null;
  readonly event_at: Date | null;
  /** Of the newest event. The manifest of an archive changes only when something is erased from it. */
  readonly manifest_sha256: string | null;
  readonly rows: string | null;
  readonly verified_at: Date | null;
}

/** The newest first. */
export async function recordedArchives(client: Client): Promise<RecordedArchive[]> {
  return (await client.query<RecordedArchive>(ARCHIVES)).rows;
}

/** Before its first object is written, so that a later export knows whose objects it meets. */
export async function recordBegin(
  pool: Pool,
  id: string,
  { target, by }: { target: string; by?: string | undefined },
): Promise<void> {
  await inTransaction(pool, (client) => client.query(BEGIN, [id, by ?? localUser(), target]));
}

interface Recorded {
  readonly event: ArchiveEvent;
  readonly id: string;
  readonly manifestSha256: string;
  readonly rows: number;
  /** What was compared; for an export, the manifest's own snapshot. Undefined for a drill. */
  readonly source: Pick<Manifest['source'], 'snapshotAt' | 'snapshotLsn' | 'snapshot'> | undefined;
  readonly counts: Readonly<Record<string, number>>;
  readonly by?: string | undefined;
}

/** Records what was done with an archive, and what came of it. */
export async function recordEvent(
  pool: Pool,
  { id, event, manifestSha256, rows, source, counts, by }: Recorded,
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query(EVENT, [
      id,
      by ?? localUser(),
      event,
      manifestSha256,
      rows,
      source?.snapshotAt ?? null,
      source?.snapshotLsn ?? null,
      source?.snapshot ?? null,
      JSON.stringify(counts),
    ]);
    await recordAction(client, {
      command: `archive ${event}`,
      options: [id],
      counts,
      ...(by !== undefined && { by }),
    });
  });
}

/** Lets one command at a time write archives of this table. The lock goes with its session, also when the process is killed. */
export async function exclusively<T>(pool: Pool, work: () => Promise<T>): Promise<T> {
  const session = await ownSession(pool);
  try {
    const [answer] = (await session.query<{ locked: boolean }>(LOCK)).rows;
    if (answer?.locked !== true) throw busy((await session.query<Holder>(HOLDER)).rows[0]);
    return await work();
  } finally {
    // A session that is just cut keeps its lock for a moment longer, and the next command would be refused.
    const freed = await session.query(FREE).then(
      () => true,
      () => false,
    );
    session.release(!freed);
  }
}

interface Holder {
  readonly pid: number;
  readonly name: string;
  readonly address: string | null;
}

function busy(holder: Holder | undefined): FatalError {
  const who =
    holder === undefined
      ? 'a session that has just ended'
      : `the session ${String(holder.pid)} (${holder.name}${holder.address === null ? '' : `, from ${holder.address}`})`;
  return new FatalError({
    code: 'ARCHIVE_BUSY',
    message: `another command writes an archive of this table: ${who}`,
    wayOut: 'wait until it has ended, and run the command again',
  });
}
