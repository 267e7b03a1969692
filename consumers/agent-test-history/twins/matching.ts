import type { Config } from '../../../lib/config.ts';
import { HISTORY, STRAGGLER } from '../rule/outcome.ts';

/** How far apart twins may be, and for how long their links may still change. */
export interface Matching {
  /** Between a legacy row's start and its live row's test, in microseconds; symmetric and inclusive. */
  readonly windowUs: bigint;
  /** Between a row's start and a change of it that no longer unlinks it, in microseconds: the window and a margin. */
  readonly settleAfterUs: bigint;
  /** Rows that started before this, in microseconds since 1970, skip matching: no live row is that old. */
  readonly floorUs: () => bigint;
  /** When the live path wrote its first row, in microseconds since 1970; null: it has written none. Not set: rows stay unnamed. */
  readonly firstLiveUs?: () => bigint | null;
}

/** Which kind of projected row it is, by its time: the live path was up when it started, and did not record it, or was not up yet. */
export function projectedKind(
  startedAtUs: bigint | undefined,
  { firstUs, windowUs }: { readonly firstUs: bigint | null; readonly windowUs: bigint },
): typeof HISTORY | typeof STRAGGLER {
  const isLate = firstUs !== null && startedAtUs !== undefined && startedAtUs >= firstUs - windowUs;
  return isLate ? STRAGGLER : HISTORY;
}

export function matchingOf(
  config: Pick<Config, 'MATCH_WINDOW_SECONDS' | 'SETTLE_MARGIN_SECONDS'>,
): Omit<Matching, 'floorUs'> {
  const { MATCH_WINDOW_SECONDS: window, SETTLE_MARGIN_SECONDS: margin } = config;
  return { windowUs: BigInt(window) * 1_000_000n, settleAfterUs: BigInt(window + margin) * 1_000_000n };
}
