import { FatalError, messageOf } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/log.ts';
import { inTransaction, type Client, type Pool } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { addSweep, NO_SWEEPS, type SweepTotals } from './sweep-totals.ts';
import type { SweepResult } from './sweep.ts';

const RECORD = sqlFile(import.meta.url, './sql/record-sweep.sql');
const LAST = sqlFile(import.meta.url, './sql/last-sweeps.sql');

export interface EndedSweep {
  /** The command that ran the sweep. */
  readonly by: 'project' | 'sweep';
  readonly beganAt: Date;
  readonly endedAt: Date;
  /** How long the sweep took. */
  readonly seconds: number;
  /** The time since it ended, by the clock of the canonical database. */
  readonly secondsAgo: number;
}

export type SweepCounts = Omit<SweepTotals, 'sweeps' | 'stragglers'>;

/** The last sweep with each outcome; null if none has ended that way yet. */
export interface LastSweeps {
  readonly done: (EndedSweep & SweepCounts) | null;
  readonly failed: (EndedSweep & { readonly errorCode: string }) | null;
}

interface Recording {
  readonly canonical: Pool;
  readonly by: EndedSweep['by'];
  readonly logger: Pick<Logger, 'warn'>;
}

/**
 * Runs one sweep, and stores how it ended, so that `status` can tell whether sweeps run. If the outcome cannot be
 * stored, the sweep does not fail, because its work is done; the log names the problem.
 */
export async function onRecord(
  { canonical, by, logger }: Recording,
  work: () => Promise<SweepResult>,
): Promise<SweepResult> {
  const began = performance.now();
  const record = async (ended: SweepCounts | string) => {
    const seconds = (performance.now() - began) / 1000;
    await recordSweep(canonical, { by, seconds, ended }).catch((error: unknown) => {
      logger.warn({ reason: messageOf(error) }, 'the outcome of the sweep could not be stored');
    });
  };
  try {
    const result = await work();
    await record(addSweep(NO_SWEEPS, result));
    return result;
  } catch (error) {
    await record(codeOf(error));
    throw error;
  }
}

interface Ending {
  readonly by: EndedSweep['by'];
  readonly seconds: number;
  /** What the sweep did, or the code of its error. */
  readonly ended: SweepCounts | string;
}

/** Stores the outcome in a transaction of its own with a time limit. By then the work is committed or rolled back. */
async function recordSweep(canonical: Pool, { by, seconds, ended }: Ending): Promise<void> {
  const values =
    typeof ended === 'string'
      ? ['failed', by, seconds, null, null, null, null, null, null, ended]
      : [
          ...['done', by, seconds, ended.absorbed, ended.relinked, ended.lateOwners],
          ...[ended.settled, ended.blocked, ended.lateOwnersReported, null],
        ];
  await inTransaction(canonical, (client) => client.query(RECORD, values));
}

/** Only the code is stored, because a message may contain values of a row. */
export function codeOf(error: unknown): string {
  const code = error instanceof FatalError || (error instanceof Error && 'code' in error) ? error.code : null;
  const name = error instanceof Error ? error.name : 'unknown';
  return typeof code === 'string' && /^\w{1,60}$/.test(code) ? code : name.replaceAll(/\W/g, '').slice(0, 60);
}

interface Row extends Record<Exclude<keyof SweepCounts, 'lateOwners' | 'lateOwnersReported'>, number> {
  readonly outcome: keyof LastSweeps;
  readonly swept_by: EndedSweep['by'];
  readonly began_at: Date;
  readonly ended_at: Date;
  readonly seconds: number;
  readonly seconds_ago: number;
  readonly late_owners: number;
  readonly late_owners_reported: number;
  readonly error_code: string;
}

export async function readLastSweeps(client: Client): Promise<LastSweeps> {
  const { rows } = await client.query<Row>(LAST);
  const done = rows.find(({ outcome }) => outcome === 'done');
  const failed = rows.find(({ outcome }) => outcome === 'failed');
  return {
    done: done === undefined ? null : { ...endOf(done), ...countsOf(done) },
    failed: failed === undefined ? null : { ...endOf(failed), errorCode: failed.error_code },
  };
}

function endOf({ swept_by: by, began_at, ended_at, seconds, seconds_ago }: Row): EndedSweep {
  return { by, beganAt: began_at, endedAt: ended_at, seconds, secondsAgo: Math.max(0, seconds_ago) };
}

function countsOf({
  late_owners,
  late_owners_reported,
  absorbed,
  relinked,
  settled,
  blocked,
}: Row): SweepCounts {
  return {
    ...{ absorbed, relinked, lateOwners: late_owners, settled, blocked },
    lateOwnersReported: late_owners_reported,
  };
}
