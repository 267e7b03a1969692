import type { Circumstances } from '../checks/check.ts';
import { judgeSnapshotIn, recordsToProject, type Coverage, type SnapshotState } from '../checks/snapshot.ts';
import { valueOf } from '../facts/answer.ts';
import type { Answers } from '../facts/facts.ts';
import type { Remark } from '../facts/signals.ts';
import { conditionOfRun, progressOf, type SnapshotProgress } from '../facts/snapshot-progress.ts';
import type { InitialSnapshot, RunState, SnapshotRun } from '../facts/snapshot-runs.ts';
import { coverage } from './coverage.ts';
import { lookAt, type Session } from './session.ts';

export interface SnapshotStatus {
  readonly verdict: SnapshotState;
  /** Why the snapshot does not move, or is not done; empty if all is well. */
  readonly reasons: readonly string[];
  /** The one thing to do next, usually a command; null if there is nothing to do. */
  readonly next: string | null;
  /** The last incremental snapshot; null if there was none. */
  readonly run: RunReport | null;
  /** The state of the connector's initial snapshot. */
  readonly initial: InitialSnapshot;
  readonly connector: { readonly state: string; readonly tasks: readonly string[] };
  /** Why it is paused; null if it is not paused, or if the role may not read the signals. */
  readonly pause: Remark | null;
  /** The number of records in the data topic that no projector has committed yet; null if there is no topic. */
  readonly recordsToProject: number | null;
  /** The comparison of the legacy table with the ledger; null if it was not made. */
  readonly coverage: Coverage | null;
}

export interface RunReport extends SnapshotProgress {
  /** The id of the signal that started it. */
  readonly id: string;
  readonly state: RunState;
  /** The time in ISO 8601. */
  readonly startedAt: string;
  readonly secondsSinceMoved: number;
  /** The condition of the rows; null for all rows, undefined if it is not known. */
  readonly condition: string | null | undefined;
  readonly pauseForgotten: boolean;
}

export interface StatusOptions {
  /** True to compare the whole table with the ledger, which takes about 1 s per 200,000 rows. */
  readonly coverage: boolean;
  readonly onProgress?: (rows: number) => void;
}

/** Asks Debezium's notifications, Connect, both databases and the topic. Changes nothing. */
export async function statusOf(session: Session, options: StatusOptions): Promise<SnapshotStatus> {
  const { onProgress } = options;
  const covered = options.coverage
    ? await coverage(session, onProgress === undefined ? {} : { onProgress })
    : null;
  const { answers, circumstances } = await lookAt(session, ['snapshotProgress']);
  const status = snapshotStatus(answers, circumstances, covered);
  if (status === undefined) throw new Error('the notifications cannot be read any more');
  return status;
}

/** Makes the status from the answers, without asking anything. Undefined if the notifications could not be read. */
export function snapshotStatus(
  answers: Answers,
  circumstances: Circumstances,
  covered: Coverage | null = null,
): SnapshotStatus | undefined {
  const observed = valueOf(answers.observed);
  const judgement = judgeSnapshotIn(answers, circumstances, covered);
  if (observed === undefined || judgement === undefined) return undefined;
  const run = observed.history.runs.at(-1);
  const { connector } = answers;
  const status = valueOf(connector)?.status;
  return {
    ...judgement,
    run: run === undefined ? null : runReport(run, answers, circumstances.now),
    initial: observed.history.initial,
    connector: {
      state: connector.known ? (status?.connector.state ?? 'ABSENT') : 'UNREACHABLE',
      tasks: status?.tasks.map(({ state }) => state) ?? [],
    },
    pause: run?.state === 'paused' ? (valueOf(answers.signals)?.pause ?? null) : null,
    recordsToProject: recordsToProject(answers),
    coverage: covered,
  };
}

function runReport(run: SnapshotRun, answers: Answers, now: Date): RunReport {
  const stored = valueOf(answers.storedOffset)?.snapshot;
  return {
    id: run.id,
    state: run.state,
    startedAt: new Date(run.startedAtMs).toISOString(),
    secondsSinceMoved: Math.max(0, Math.round((now.getTime() - run.movedAtMs) / 1000)),
    condition: conditionOfRun(run, { stored, signals: valueOf(answers.signals) }),
    pauseForgotten: run.pauseForgotten,
    ...progressOf(run, valueOf(answers.snapshotProgress), now.getTime()),
  };
}
