import type { Config } from '../../../lib/config.ts';
import { HISTORY, STRAGGLER } from '../rule/outcome.ts';

/** The limits of matching: how far apart twins may be, and how long their links may still change. */
export interface Matching {
  /** The match window: from a legacy row's start to its live row's test, in microseconds; symmetric and inclusive. */
  readonly windowUs: bigint;
  /**
   * Match window plus margin, in microseconds. A change of a row that comes later after its start does not unlink it.
   */
  readonly settleAfterUs: bigint;
  /**
   * The floor, in microseconds since 1970. Rows that started before it skip matching, because no live row is that old.
   */
  readonly floorUs: () => bigint;
  /**
   * The time of the first live row, in microseconds since 1970; null if there is none. If it is undefined, projected
   * rows keep the reason `owner` until a sweep names them.
   */
  readonly firstLiveUs?: () => bigint | null;
}

/** The reason of a projected row by its start: `straggler` if the live path was up then, otherwise `history`. */
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
