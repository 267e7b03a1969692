/** The values that can have a limit. */
export const LIMITS = ['slot_lag_bytes', 'replication_lag_seconds', 'active_sessions', 'query'] as const;
export type Limit = (typeof LIMITS)[number];

/** The limit of each value. A value without a limit is not measured. */
export type PaceLimits = Readonly<Partial<Record<Limit, number>>>;

/** The measured values; null if a value could not be measured. */
export type Readings = Readonly<Partial<Record<Limit, number | null>>>;

export interface Excess {
  readonly limit: Limit;
  readonly is: number;
  readonly max: number;
}

export type PaceDecision =
  { readonly kind: 'hold'; readonly because: readonly Excess[] } | { readonly kind: 'go' };

/** A paused snapshot resumes below this share of every limit. Otherwise it would pause and resume with every chunk. */
const RELEASE_SHARE = 0.8;

/** Decides whether the snapshot may continue. `held`: true if it is paused now. */
export function decidePace(readings: Readings, limits: PaceLimits, held: boolean): PaceDecision {
  const because = LIMITS.flatMap((limit) => {
    const [is, max] = [readings[limit], limits[limit]];
    if (is === undefined || is === null || max === undefined) return [];
    return is > (held ? max * RELEASE_SHARE : max) ? [{ limit, is, max }] : [];
  });
  return because.length === 0 ? { kind: 'go' } : { kind: 'hold', because };
}

const NAMES: Readonly<Record<Limit, (n: number) => string>> = {
  slot_lag_bytes: (n) => `slot lag ${(n / 1_048_576).toFixed(0)} MiB`,
  replication_lag_seconds: (n) => `replication lag ${n.toFixed(0)} s`,
  active_sessions: (n) => `active sessions ${String(n)}`,
  query: (n) => `the query returns ${String(n)}`,
};

/** The exceeded limits as text: `slot lag 2048 MiB (limit 1024)`. */
export function whyHeld(because: readonly Excess[]): string {
  return because
    .map(({ limit, is, max }) => {
      const most = limit === 'slot_lag_bytes' ? (max / 1_048_576).toFixed(0) : String(max);
      return `${NAMES[limit](is)} (limit ${most})`;
    })
    .join(', ');
}
