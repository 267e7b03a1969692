import type { ReconcileReport } from '../../operations/reconcile/report.ts';
import type { SweepCounts } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import type { AreaName } from '../../operations/facts/areas.ts';
import type { SnapshotStatus } from '../../operations/snapshot/status.ts';
import type { StatusFacts } from '../../operations/status/facts.ts';
import { gathered } from '../doctor/healthy.ts';
import { patched, type Patch } from '../doctor/patched.ts';

export const AT = new Date('2026-11-28T03:00:00Z');
const known = <T>(value: T) => ({ known: true, value }) as const;
const dated = <T>(value: T) => ({ answer: known(value), at: AT });

export const SNAPSHOT: SnapshotStatus = {
  verdict: 'read',
  reasons: [],
  next: null,
  run: null,
  initial: 'completed',
  connector: { state: 'RUNNING', tasks: ['RUNNING'] },
  pause: null,
  recordsToProject: 0,
  coverage: null,
};

export function verdict(patch: Partial<ReconcileReport> = {}): ReconcileReport {
  const given = patch.verdict ?? 'proven';
  return {
    run: {
      id: '1',
      started_at: AT,
      finished_at: new Date(AT.getTime() - 7_200_000),
      rule_version: 1,
      release: 'x',
      phase: 'done',
      last_id: null,
      legacy_counted: null,
      legacy_rows: '1000',
      ledger_rows: '1000',
      canonical_rows: '700',
      decisions: {},
      excepted: {},
      verdict: given,
      waited_for: null,
    },
    verdict: given,
    stale: null,
    kinds: [],
    accepted: {},
    rowsSeen: 1000,
    quarantine: { open: 0, waived: 0 },
    gaps: [],
    ...patch,
  };
}

export const row = (decision: string, rows: number) => ({
  ...{ decision, rows, not_deleted: rows, blocked: 0, weak: 0, stragglers: 0 },
});

const ended = (secondsAgo: number) => ({
  ...({ by: 'project', seconds: 0.25, secondsAgo, beganAt: AT } as const),
  endedAt: new Date(AT.getTime() - 1000 * secondsAgo),
});

export const doneSweep = (secondsAgo = 12, counts: Partial<SweepCounts> = {}) => ({
  ...ended(secondsAgo),
  ...{ absorbed: 0, relinked: 0, lateOwners: 0, settled: 0, blocked: 0, lateOwnersReported: 0, ...counts },
});

export const failedSweep = (secondsAgo: number) => ({ ...ended(secondsAgo), errorCode: '57014' });

interface Changes extends Omit<Partial<StatusFacts>, 'areas'> {
  readonly areas?: Patch;
  readonly silent?: Partial<Record<AreaName, string>>;
}

/** Everything is well, but for what is said otherwise. */
export function facts({ areas = {}, silent = {}, ...changes }: Changes = {}): StatusFacts {
  return {
    at: AT,
    areas: gathered(patched(areas), silent),
    projectors: known(1),
    oldestSeconds: known(0),
    recordsPerSecond: null,
    quarantine: known({ open: 0, waived: 0 }),
    twins: known({ unsettled: 0, due: 0, overdue: 0 }),
    sweeps: known({ done: doneSweep(), failed: null }),
    verdicts: known({ last: verdict(), before: [] }),
    snapshot: dated(SNAPSHOT),
    ledger: dated([row('projected', 700), row('third_party', 300)]),
    legacyRows: dated(1000),
    ...changes,
  };
}
