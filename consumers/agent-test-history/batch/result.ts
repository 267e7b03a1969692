import type { Decision } from '../rule/outcome.ts';
import { addChanges, NO_CHANGES, type Changes } from '../rule/changes.ts';

/** What became of a record. Every record that was read counts in exactly one of these. */
export const RECORD_OUTCOMES = ['applied', 'duplicate', 'stale', 'tombstone', 'quarantined'] as const;
export type RecordOutcome = (typeof RECORD_OUTCOMES)[number];

export interface BatchResult {
  /** The number of records that were read. */
  readonly read: number;
  readonly records: Readonly<Record<RecordOutcome, number>>;
  /** The number of recorded decisions, by decision. A later image of a decided row is not a decision. */
  readonly decisions: Readonly<Partial<Record<Decision, number>>>;
  /** The number of values that events left out, by column. */
  readonly leftOut: Readonly<Record<string, number>>;
  readonly changes: Changes;
}

/** A result while it is being counted. */
export interface Tally extends BatchResult {
  read: number;
  readonly records: Record<RecordOutcome, number>;
  readonly decisions: Partial<Record<Decision, number>>;
  readonly leftOut: Record<string, number>;
  changes: Changes;
}

export function emptyResult(): Tally {
  return {
    read: 0,
    records: { applied: 0, duplicate: 0, stale: 0, tombstone: 0, quarantined: 0 },
    decisions: {},
    leftOut: {},
    changes: NO_CHANGES,
  };
}

/** Adds `result` into `total`. */
export function accumulate(total: Tally, result: BatchResult): void {
  total.read += result.read;
  for (const outcome of RECORD_OUTCOMES) total.records[outcome] += result.records[outcome];
  addCounts(total.decisions, result.decisions);
  addCounts(total.leftOut, result.leftOut);
  total.changes = addChanges(total.changes, result.changes);
}

/** Counts decisions, each for one row. */
export function countDecisions(tally: Tally, decisions: readonly Decision[]): void {
  for (const decision of decisions) tally.decisions[decision] = (tally.decisions[decision] ?? 0) + 1;
}

function addCounts<K extends string>(
  total: Partial<Record<K, number>>,
  counts: Partial<Record<K, number>>,
): void {
  for (const [key, count] of Object.entries(counts) as [K, number][]) total[key] = (total[key] ?? 0) + count;
}
