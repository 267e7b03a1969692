import type { Paste } from '../../lib/quoting.ts';
import { valueOf } from '../facts/answer.ts';
import { backlogOf } from '../facts/backlog.ts';
import type { StoredSnapshot } from '../facts/connect.ts';
import type { Answers, FactName } from '../facts/facts.ts';
import { sentAtOf, type KnownSignals, type Remark, type Signal } from '../facts/signals.ts';
import {
  isOpen,
  type InitialSnapshot,
  type SnapshotHistory,
  type SnapshotRun,
} from '../facts/snapshot-runs.ts';
import { checksOf, error, type Circumstances } from './check.ts';
import { CONNECTOR_MOVES, evidenceOf, factsOf, SOURCE_FITS, unseenBy } from './choice.ts';
import { failed, notYet, ok, unknown, warning, type Judgement } from './verdict.ts';

/** Whether every legacy row has its row in the ledger. */
export interface Coverage {
  readonly legacyRows: number;
  /** Legacy rows that the ledger has no decision on. */
  readonly uncovered: number;
  /** The first of them, in the order of the key. */
  readonly ids: readonly string[];
}

/**
 * `done`: Debezium said that it read all, and every legacy row has its decision. `read`: the former, and the latter was
 * not looked at. `uncovered`: the former, and rows lack a decision. `unanswered`: a signal was sent, and Debezium never
 * said that it began. `lost`: it began, and nothing of it is left. `none`: the table was never read. `unknown`: nothing
 * bad was found, but a fact that this rests on gave no answer.
 */
export const SNAPSHOT_STATES = [
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
  'unknown',
] as const;
export type SnapshotState = (typeof SNAPSHOT_STATES)[number];

interface Seen {
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

export interface SnapshotJudgement {
  readonly verdict: SnapshotState;
  /** Why it does not move, or is not done. */
  readonly reasons: readonly string[];
  /** The one thing to do next; null where there is nothing. */
  readonly next: string | null;
}

/** What is asked to judge a snapshot. */
export const SNAPSHOT_FACTS: readonly FactName[] = [
  ...(['observed', 'storedOffset', 'signals', 'dataTopic', 'projection'] as const),
  ...factsOf([...CONNECTOR_MOVES, ...SOURCE_FITS]),
];

/** What keeps the connector from moving, as `connector status` says it; that it never took its first snapshot does not. */
export function whyStill(answers: Answers, circumstances: Circumstances): string[] {
  const { connector } = answers;
  if (!connector.known) return [connector.why];
  return evidenceOf([...CONNECTOR_MOVES, ...SOURCE_FITS], answers, circumstances);
}

/** Records in the data topic that no projector has committed yet; null where there is no topic, or that is not known. */
export function recordsToProject({ dataTopic, projection }: Answers): number | null {
  const [topic, projected] = [valueOf(dataTopic), valueOf(projection)];
  if (topic === undefined || projected === undefined) return null;
  return Number(backlogOf(topic.topicId, topic.marks, projected.offsets).records);
}

/** A state in which nothing bad was found. What was not seen could have been bad. */
const WELL: readonly SnapshotState[] = ['done', 'read', 'running', 'initial'];

/** Undefined while nothing tells of snapshots. */
export function judgeSnapshotIn(
  answers: Answers,
  circumstances: Circumstances,
  coverage: Coverage | null = null,
): SnapshotJudgement | undefined {
  const observed = valueOf(answers.observed);
  if (observed === undefined) return undefined;
  const { asked, pause }: KnownSignals = valueOf(answers.signals) ?? { asked: [], pause: undefined };
  const { heartbeat } = observed;
  const judged = judgeSnapshot({
    now: circumstances.now,
    history: observed.history,
    stored: valueOf(answers.storedOffset)?.snapshot,
    problems: whyStill(answers, circumstances),
    asked: asked[0],
    pause,
    coverage,
    recordsToProject: recordsToProject(answers),
    beatAt: heartbeat?.streamed === true ? heartbeat.beatAt : undefined,
  });
  const unseen = unseenBy(SNAPSHOT_FACTS, answers);
  if (unseen.length === 0 || !WELL.includes(judged.verdict)) return judged;
  const reasons = [
    `it looks ${judged.verdict}, but no answer came to ${unseen.join('; ')}`,
    ...judged.reasons,
  ];
  return { verdict: 'unknown', reasons, next: judged.next ?? 'history-cdc doctor' };
}

const WRONG: readonly SnapshotState[] = ['stalled', 'unanswered', 'lost', 'failed'];

/** Of incremental ones; the initial one has a check of its own. */
export const SNAPSHOT_CHECKS = checksOf('stream', {
  snapshot: error(
    'no incremental snapshot was begun that does not come to its end',
    ['observed'],
    (_, circumstances, answers): Judgement => {
      const judged = judgeSnapshotIn(answers, circumstances);
      if (judged === undefined) return notYet('the topic of the notifications is not there', 'apply');
      const { verdict, reasons, next } = judged;
      const found = [`the snapshot is ${verdict}`, ...reasons].join(': ');
      const fix = (next ?? 'history-cdc snapshot status') as Paste;
      if (verdict === 'unknown') return unknown(reasons.join('; '));
      if (WRONG.includes(verdict)) return failed(found, fix);
      return verdict === 'paused' || verdict === 'stopped' ? warning(found, fix) : ok(verdict);
    },
    { also: SNAPSHOT_FACTS },
  ),
});

/** Debezium says something with every chunk; one of 8,192 rows takes half a second, on a busy machine five. */
const SILENT_MS = 60_000;
/** Connect commits offsets every minute by default. */
const FORGOTTEN_MS = 120_000;
/** A signal that the connector cannot have read yet is waited for as long as this without a word. */
const UNANSWERED_MS = 30_000;
/** Signals and heartbeats are read in the order of the WAL; the answer may come a moment later. */
const ANSWER_MS = 3_000;

export function judgeSnapshot(facts: Seen): SnapshotJudgement {
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
      next: 'history-cdc snapshot start  # once the cause is mended',
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

function judgeOpen(facts: Seen, run: SnapshotRun): SnapshotJudgement {
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
      next: 'history-cdc connector restart  # begins the chunk anew; look first into the log of Kafka Connect, and at pg_stat_activity of the legacy database',
    };
  }
  const forgotten = run.pauseForgotten ? ['it was paused; its task began anew, and forgot that'] : [];
  return { verdict: 'running', reasons: forgotten, next: null };
}

/** What the notifications call open, and nothing is stored of: with the offsets, Debezium forgets its snapshot. */
export function isLost(stored: Seen['stored'], run: SnapshotRun, now: Date): boolean {
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
}: Seen): { signal: Signal; sentAt: Date } | undefined {
  if (asked === undefined || history.runs.some(({ id }) => id === asked.id)) return undefined;
  const sentAt = sentAtOf(asked.id);
  if (sentAt === undefined) return undefined;
  if (!isPassed(sentAt, beatAt) && now.getTime() - sentAt.getTime() < UNANSWERED_MS) return undefined;
  // One that somebody asked for in another way since has taken its place.
  const later = history.runs.some(({ startedAtMs }) => startedAtMs > sentAt.getTime());
  return later ? undefined : { signal: asked, sentAt };
}

function judgeUnanswered(
  { problems, beatAt }: Seen,
  { signal, sentAt }: { signal: Signal; sentAt: Date },
): SnapshotJudgement {
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

function judgeInitial(facts: Seen, initial: InitialSnapshot): SnapshotJudgement {
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

function judgeCovered({ coverage, recordsToProject }: Seen): SnapshotJudgement {
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
