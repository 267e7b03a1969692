/**
 * How far the initial snapshot is, by the connector's own notifications. `skipped`: the connector took it for done,
 * and nothing says that it ever was.
 */
export type InitialSnapshot = 'unknown' | 'running' | 'completed' | 'skipped';

/** The one table that is ever read by a snapshot of ours, as Debezium names it. */
export const DATA_COLLECTION = 'public.agent_test_history';

/** How far Debezium has read, and when it said so: one a chunk. */
export interface Step {
  readonly atMs: number;
  readonly lastKey: string;
  /** Share of the chunks that it expects, 0 to 1; since its task began, so less than the truth after a restart. */
  readonly share: number;
}

/**
 * `succeeded`: the scan of the table ended well. `failed`: Debezium met an SQL error, gave the rest of the table up, and
 * said COMPLETED all the same. `stopped`: it said COMPLETED without any end of the scan.
 */
export type RunState = 'running' | 'paused' | 'succeeded' | 'failed' | 'stopped';

/** One incremental snapshot, as Debezium's notifications tell of it. */
export interface SnapshotRun {
  /** The id of the signal that asked for it. */
  readonly id: string;
  readonly state: RunState;
  readonly startedAtMs: number;
  /** The last notification about it. */
  readonly movedAtMs: number;
  /** The steps since it last began to move: a pause or a restart of the task begins them anew. */
  readonly steps: readonly Step[];
  /** The last step of all; null until the first chunk. */
  readonly last: Step | null;
  /** Counted by Debezium when it began; null until the first chunk. */
  readonly rowsTotal: number | null;
  /** How the scan ended, in Debezium's word. */
  readonly scan: string | null;
  /** A task that begins anew forgets that it was paused, and reads on. */
  readonly pauseForgotten: boolean;
}

export interface SnapshotHistory {
  readonly initial: InitialSnapshot;
  /** In the order in which they began. */
  readonly runs: readonly SnapshotRun[];
}

export const NO_HISTORY: SnapshotHistory = { initial: 'unknown', runs: [] };

interface Notification {
  readonly id: string;
  readonly aggregate_type: string;
  readonly type: string;
  readonly additional_data: Readonly<Record<string, string>> | null;
}

/** Steps that are kept to measure the pace by: a minute or two of them. */
const STEPS_KEPT = 20;

/** Follows the notifications in their order; `atMs` is the time of the record. */
export function nextHistory(history: SnapshotHistory, value: unknown, atMs: number): SnapshotHistory {
  const notification = value as Notification;
  if (notification.aggregate_type !== 'Incremental Snapshot') {
    return { ...history, initial: nextInitial(history.initial, notification) };
  }
  if (notification.type === 'STARTED') {
    // A worker that was killed reads the signal once more: the same run begins anew.
    const others = history.runs.filter(({ id }) => id !== notification.id);
    return { ...history, runs: [...others, begun(notification.id, atMs)] };
  }
  const index = history.runs.findLastIndex(({ id }) => id === notification.id);
  const run = history.runs[index];
  // ABORTED has an id of its own; the COMPLETED before it has told already.
  if (run === undefined) return history;
  return { ...history, runs: history.runs.with(index, moved(run, notification, atMs)) };
}

/**
 * Needed because of a fault in Debezium (seen with 3.7.0): the notification that the snapshot began carries a source offset
 * without the mark of an unfinished snapshot. When Connect has stored it and the task begins anew before the first row is
 * out (a failed query, a killed worker), the connector finds an offset, takes the snapshot for done, and streams: the whole
 * history is missing, and connector and task say RUNNING. The same happens when a connector is made again over old offsets.
 */
function nextInitial(state: InitialSnapshot, { aggregate_type: about, type }: Notification): InitialSnapshot {
  if (about !== 'Initial Snapshot') return state;
  if (type === 'STARTED') return 'running';
  if (type === 'COMPLETED') return 'completed';
  // Once the initial snapshot is complete, the connector rightly skips it at every later start.
  if (type === 'SKIPPED') return state === 'completed' ? 'completed' : 'skipped';
  return state;
}

function begun(id: string, atMs: number): SnapshotRun {
  return {
    id,
    state: 'running',
    startedAtMs: atMs,
    movedAtMs: atMs,
    steps: [],
    last: null,
    rowsTotal: null,
    scan: null,
    pauseForgotten: false,
  };
}

function moved(
  before: SnapshotRun,
  { type, additional_data: facts }: Notification,
  atMs: number,
): SnapshotRun {
  const run = { ...before, movedAtMs: atMs };
  switch (type) {
    case 'IN_PROGRESS':
      return stepped(run, stepOf(facts ?? {}, atMs), facts?.['total_rows']);
    case 'PAUSED':
      return { ...run, state: 'paused', steps: [], pauseForgotten: false };
    case 'RESUMED':
      return { ...run, state: 'running', pauseForgotten: false };
    case 'TABLE_SCAN_COMPLETED':
      return {
        ...run,
        scan: facts?.['status'] ?? 'UNKNOWN',
        rowsTotal: rows(facts?.['total_rows']) ?? run.rowsTotal,
      };
    case 'COMPLETED':
      return { ...run, state: ended(run.scan) };
    default:
      return run;
  }
}

function stepOf(facts: Readonly<Record<string, string>>, atMs: number): Step {
  const share = Number(facts['chunk_index'] ?? 0) / Number(facts['total_chunks'] ?? 0);
  return {
    atMs,
    lastKey: facts['last_processed_key'] ?? '',
    share: Number.isFinite(share) ? Math.min(share, 1) : 0,
  };
}

/** Chunks are read only while it runs: one after PAUSED tells that the pause is forgotten. */
function stepped(run: SnapshotRun, step: Step, total: string | undefined): SnapshotRun {
  return {
    ...run,
    state: 'running',
    pauseForgotten: run.pauseForgotten || run.state === 'paused',
    rowsTotal: rows(total) ?? run.rowsTotal,
    steps: [...run.steps, step].slice(-STEPS_KEPT),
    last: step,
  };
}

function ended(scan: string | null): RunState {
  if (scan === null) return 'stopped';
  return scan === 'SUCCEEDED' || scan === 'EMPTY' ? 'succeeded' : 'failed';
}

function rows(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}

export function isOpen({ state }: SnapshotRun): boolean {
  return state === 'running' || state === 'paused';
}
