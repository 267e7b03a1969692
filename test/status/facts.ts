import type { SnapshotStatus } from '../../operations/snapshot/status.ts';
import type { FactName } from '../../operations/facts/facts.ts';
import type { Look } from '../../operations/status/lookout.ts';
import { AT, gathered } from '../doctor/healthy.ts';
import { patched, type Patch } from '../doctor/patched.ts';

interface Changes {
  readonly facts?: Patch;
  readonly silent?: Partial<Record<FactName, string>>;
  readonly recordsPerSecond?: number;
  /** Facts whose answer is older than the look. */
  readonly since?: Partial<Record<FactName, Date>>;
}

/** Everything is well, but for what is said otherwise. */
export function looked({ facts = {}, silent = {}, recordsPerSecond, since = {} }: Changes = {}): Look {
  const answers = gathered(patched(facts), silent);
  const dated = Object.entries(since).map(([name, at]) => [name, { ...answers[name as FactName], at }]);
  return {
    at: AT,
    answers: { ...answers, ...Object.fromEntries(dated) },
    recordsPerSecond: recordsPerSecond ?? null,
  };
}

export type { SnapshotStatus };
