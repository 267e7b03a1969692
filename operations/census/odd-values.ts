import type { CensusRow } from './legacy-rows.ts';

/** Values that a person may want to look at. None of them prevents a decision. */
export const ODD_VALUES = {
  null_dry_run: 'dry_run is NULL: it becomes true',
  infinite_start: 'started_at is infinity or -infinity',
  implausible_start: 'started_at is before 2000, or more than a day in the future',
  blank_user: 'user_id is blank',
  padded_user: 'user_id begins or ends with white space, and is compared with it',
  negative_count: 'steps_passed, steps_failed or total_duration_ms is below 0',
  zero_duration: 'total_duration_ms is 0: the application stores NULL for it',
} as const;
export type OddValue = keyof typeof ODD_VALUES;

const EARLIEST_US = BigInt(Date.UTC(2000, 0, 1)) * 1000n;
const DAY_US = 86_400_000_000n;

export function oddValuesOf(row: CensusRow, nowUs: bigint): OddValue[] {
  const { user_id: user, started_at: startedAt } = row;
  const infinite = startedAt === 'infinity' || startedAt === '-infinity';
  const odd: Record<OddValue, boolean> = {
    null_dry_run: row.dry_run === null,
    infinite_start: infinite,
    implausible_start: startedAt !== null && !infinite && !isPlausible(row.startedAtUs, nowUs),
    blank_user: user?.trim() === '',
    padded_user: user !== null && user.trim() !== '' && user.trim() !== user,
    negative_count: [row.steps_passed, row.steps_failed, row.total_duration_ms].some(
      (count) => (count ?? 0) < 0,
    ),
    zero_duration: row.total_duration_ms === 0,
  };
  return (Object.keys(odd) as OddValue[]).filter((name) => odd[name]);
}

function isPlausible(us: bigint | undefined, nowUs: bigint): boolean {
  return us !== undefined && us >= EARLIEST_US && us <= nowUs + DAY_US;
}
