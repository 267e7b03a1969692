/** What a limit looks at. */
export const LIMITS = ['slot_lag_bytes', 'replication_lag_seconds', 'active_sessions', 'query'] as const;
export type Limit = (typeof LIMITS)[number];

/** The most that each may be; one that is not named is not looked at. */
export type PaceLimits = Readonly<Partial<Record<Limit, number>>>;

/** What was measured; null where it could not be. */
export type Readings = Readonly<Partial<Record<Limit, number | null>>>;

export interface Excess {
  readonly limit: Limit;
  readonly is: number;
  readonly max: number;
}

export type PaceDecision =
  { readonly kind: 'hold'; readonly because: readonly Excess[] } | { readonly kind: 'go' };

/** Once held, it goes on only when everything is well below its limit: else it would come and go with every chunk. */
const RELEASE_SHARE = 0.8;

/** Whether the snapshot may read on. `held`: whether it is held back at the moment. */
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
  query: (n) => `the query gives ${String(n)}`,
};

/** `slot lag 2048 MiB (limit 1024)`, one after the other. */
export function whyHeld(because: readonly Excess[]): string {
  return because
    .map(({ limit, is, max }) => {
      const most = limit === 'slot_lag_bytes' ? (max / 1_048_576).toFixed(0) : String(max);
      return `${NAMES[limit](is)} (limit ${most})`;
    })
    .join(', ');
}
