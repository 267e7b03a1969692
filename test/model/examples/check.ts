import { expect } from 'vitest';
import { legacyIdOf, liveIdOf, ownRunIdOf } from '../names.ts';
import type { Ran } from '../run-history.ts';
import { ARRIVALS } from './arrivals.ts';
import { CLUSTERS } from './clusters.ts';
import type { Example } from './example.ts';

export const EXAMPLES: readonly Example[] = [...ARRIVALS, ...CLUSTERS];

/** An example came to its end: what stands for each row, and what happened on the way. */
export function expectEnds({ rows, ends, happened = {} }: Example, { final, counts }: Ran): void {
  const names = new Map<string | null, string>(
    [0, 1, 2].map((index) => [liveIdOf(index), `live ${String(index)}`]),
  );
  const stands = rows.map((_, index) => {
    const entry = final.ledger.find(({ legacyId }) => legacyId === legacyIdOf(index));
    if (entry?.runId === ownRunIdOf(index)) return 'own';
    return names.get(entry?.runId ?? null) ?? entry?.decision;
  });
  expect(stands).toEqual(ends);
  for (const [what, times] of Object.entries(happened))
    expect(counts.of(what), what).toBeGreaterThanOrEqual(times);
}
