import type { InitialSnapshot } from '../facts/initial-snapshot.ts';
import type { StoredSnapshot } from './connector-facts.ts';
import type { Coverage } from './coverage.ts';
import { isOpen, type SnapshotHistory, type SnapshotRun } from './runs.ts';
import { sentAtOf, type Remark, type Signal } from './signal.ts';

/**
 * `done`: Debezium said that it read all, and every legacy row has its decision. `read`: the former, and the latter was
 * not looked at. `uncovered`: the former, and rows lack a decision. `unanswered`: a signal was sent, and Debezium never
 * said that it began. `lost`: it began, and nothing of it is left. `none`: the table was never read.
 */
export const VERDICTS = [
  'done',
  'read',
  'running',
  'paused',
  'stalled',
  'initial',
  'uncovered',
  'unanswered',
  'lost',
  'failed',
  'stopped',
  'none',
] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface SnapshotFacts {
  readonly now: Date;
  readonly history: SnapshotHistory;
  readonly stored: StoredSnapshot | null | undefined;
  /** What keeps the connector from moving. */
  readonly problems: readonly string[];
  /** The newest signal of ours that asked for a snapshot; undefined where there is none, or it may not be read. */
  readonly asked: Signal | undefined;
  /** What the newest pause says of itself. */
  readonly pause: Remark | undefined;
  readonly coverage: Coverage | null;
  /** Records in the data topic that no projector has committed yet. */
  readonly recordsToProject: number | null;
  /** When the newest heartbeat was written that has come through, by the clock of the legacy database. */
  readonly beatAt: Date | undefined;
}

export interface Judgement {
  readonly verdict: Verdict;
  /** Why it does not move, or is not done. */
  readonly reasons: readonly string[];
  /** The one thing to do next; null where there is nothing. */
  readonly next: string | null;
}

/** Debezium says something with every chunk; one of 8,192 rows takes half a second, on a busy machine five. */
const SILENT_MS = 60_000;
/** Connect commits offsets every minute by default. */
const FORGOTTEN_MS = 120_000;
/** A signal that the connector cannot have read yet is waited for as long as this without a word. */
const UNANSWERED_MS = 30_000;
/** Signals and heartbeats are read in the order of the WAL; the answer may come a moment later. */
const ANSWER_MS = 3_000;

export function judgeSnapshot(facts: SnapshotFacts): Judgement {
  const run = facts.history.runs.at(-1);
  const unanswered = unansweredSignal(facts);
  if (run !== undefined && isOpen(run)) return judgeOpen(facts, run);
  if (unanswered !== undefined) return judgeUnanswered(facts, unanswered);
  if (run === undefined) return judgeInitial(facts, facts.history.initial);
  if (run.state === 'failed') {
    return {
      verdict: 'failed',
      reasons: [
        `Debezium gave up in the middle of the table (${run.scan ?? 'UNKNOWN'}), and called that completed; the log of Kafka Connect has the SQL error`,
      ],
      next: 'mend the cause, then history-cdc snapshot start',
    };
  }
  if (run.state === 'stopped') {
    return {
      verdict: 'stopped',
      reasons: ['it was stopped before its end'],
      next: facts.coverage === null ? 'history-cdc snapshot start' : judgeCovered(facts).next,
    };
  }
  return judgeCovered(facts);
}

function judgeOpen(facts: SnapshotFacts, run: SnapshotRun): Judgement {
  const { problems, now, pause } = facts;
  const silentMs = now.getTime() - run.movedAtMs;
  if (isLost(facts.stored, run, now)) {
    return {
      verdict: 'lost',
      reasons: ['Kafka Connect has nothing stored of it any more: its offsets were forgotten or made anew'],
      next: 'history-cdc snapshot start --missing',
    };
  }
  if (run.state === 'paused') {
    const why =
      pause === undefined ? 'it was paused' : `${pause.by === 'pace' ? 'held back' : 'paused'}: ${pause.why}`;
    return {
      verdict: 'paused',
      reasons: [why, ...problems],
      next: pause?.by === 'pace' ? 'history-cdc snapshot watch' : 'history-cdc snapshot resume',
    };
  }
  if (problems.length > 0)
    return { verdict: 'stalled', reasons: problems, next: 'history-cdc connector status' };
  if (silentMs > SILENT_MS) {
    return {
      verdict: 'stalled',
      reasons: [
        `the connector streams, and has read no chunk for ${String(Math.round(silentMs / 1000))} s: a slow query, or Kafka is slow to take the rows`,
      ],
      next: 'the log of Kafka Connect, and pg_stat_activity of the legacy database; history-cdc connector restart begins the chunk anew',
    };
  }
  const forgotten = run.pauseForgotten ? ['it was paused; its task began anew, and forgot that'] : [];
  return { verdict: 'running', reasons: forgotten, next: null };
}

/** What the notifications call open, and nothing is stored of: with the offsets, Debezium forgets its snapshot. */
export function isLost(stored: SnapshotFacts['stored'], run: SnapshotRun, now: Date): boolean {
  return stored !== undefined && stored?.id !== run.id && now.getTime() - run.movedAtMs > FORGOTTEN_MS;
}

/** Whether a heartbeat that was written after a signal has come through: then the signal has been read, or is lost. */
export function isPassed(sentAt: Date, beatAt: Date | undefined): boolean {
  return beatAt !== undefined && beatAt.getTime() > sentAt.getTime() + ANSWER_MS;
}

/** The newest signal that asked for a snapshot, where nothing of Debezium's says that it began. */
function unansweredSignal({
  asked,
  history,
  now,
  beatAt,
}: SnapshotFacts): { signal: Signal; sentAt: Date } | undefined {
  if (asked === undefined || history.runs.some(({ id }) => id === asked.id)) return undefined;
  const sentAt = sentAtOf(asked.id);
  if (sentAt === undefined) return undefined;
  if (!isPassed(sentAt, beatAt) && now.getTime() - sentAt.getTime() < UNANSWERED_MS) return undefined;
  // One that somebody asked for in another way since has taken its place.
  const later = history.runs.some(({ startedAtMs }) => startedAtMs > sentAt.getTime());
  return later ? undefined : { signal: asked, sentAt };
}

function judgeUnanswered(
  { problems, beatAt }: SnapshotFacts,
  { signal, sentAt }: { signal: Signal; sentAt: Date },
): Judgement {
  const lost = isPassed(sentAt, beatAt);
  const why = lost
    ? 'the connector has read beyond it, so it is lost'
    : 'the connector has not read as far yet';
  return {
    verdict: 'unanswered',
    reasons: [`the signal ${signal.id} of ${sentAt.toISOString()} was never answered: ${why}`, ...problems],
    next: lost ? 'history-cdc snapshot start' : 'history-cdc connector status',
  };
}

function judgeInitial(facts: SnapshotFacts, initial: InitialSnapshot): Judgement {
  if (initial === 'running') {
    return {
      verdict: 'initial',
      reasons: ['the initial snapshot, by which the connector begins, has not ended yet', ...facts.problems],
      next: facts.problems.length === 0 ? null : 'history-cdc connector status',
    };
  }
  if (initial === 'completed') return judgeCovered(facts);
  return {
    verdict: 'none',
    reasons: ['nothing says that the table was ever read as a whole'],
    next: 'history-cdc snapshot start',
  };
}

function judgeCovered({ coverage, recordsToProject }: SnapshotFacts): Judgement {
  if (coverage === null) return { verdict: 'read', reasons: [], next: null };
  if (coverage.uncovered === 0) return { verdict: 'done', reasons: [], next: null };
  const rows = `${coverage.uncovered.toLocaleString('en')} of ${coverage.legacyRows.toLocaleString('en')} legacy rows have no decision in the ledger`;
  if (recordsToProject !== null && recordsToProject > 0) {
    return {
      verdict: 'uncovered',
      reasons: [`${rows}; ${recordsToProject.toLocaleString('en')} records are not projected yet`],
      next: 'history-cdc project --until-caught-up',
    };
  }
  return {
    verdict: 'uncovered',
    reasons: [`${rows}, and every record of the topic is projected: they were never delivered`],
    next: 'history-cdc snapshot start --missing',
  };
}
