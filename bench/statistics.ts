/** The median of repeated measurements, and their spread. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(numbers: readonly number[]): Spread {
  return { median: percentile(numbers, 0.5), min: Math.min(...numbers), max: Math.max(...numbers) };
}

/** The quantile, with linear interpolation. `share` is between 0 and 1. Throws if there are no values. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (low === undefined || high === undefined) throw new Error('there is nothing to take a percentile of');
  return low + (high - low) * (at - Math.floor(at));
}
