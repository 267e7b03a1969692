import { setTimeout as delay } from 'node:timers/promises';
import { whyStill } from '../checks/snapshot.ts';
import { valueOf } from '../facts/answer.ts';
import type { Answers } from '../facts/facts.ts';
import { progressOf, type SnapshotProgress } from '../facts/snapshot-progress.ts';
import { isOpen, type SnapshotRun } from '../facts/snapshot-runs.ts';
import { readHealth, unseen, type PaceSettings } from './health.ts';
import { decidePace, whyHeld, type PaceDecision } from './pace.ts';
import { lookAt, type Session } from './session.ts';
import { sendSignal, switchData } from './signal.ts';

/** What the watch sees in one look. */
export interface Tick {
  readonly run: SnapshotRun;
  readonly progress: SnapshotProgress;
  /** Why the snapshot is paused or does not move; null while it moves. */
  readonly stands: string | null;
}

export interface WatchOptions {
  readonly pace: PaceSettings;
  readonly intervalMs: number;
  /** Gives up after this time without progress, if the snapshot is not paused. */
  readonly stalledAfterMs: number;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
  readonly onTick: (tick: Tick) => void;
}

export type WatchEnd =
  | { readonly kind: 'ended'; readonly run: SnapshotRun }
  | { readonly kind: 'stalled'; readonly run: SnapshotRun; readonly why: string }
  | { readonly kind: 'interrupted'; readonly run: SnapshotRun; readonly held: boolean };

/** Debezium answers a pause when it has read the current chunk. The signal is not sent again before this time. */
const SEND_AGAIN_MS = 30_000;

/**
 * Follows one run to its end, and pauses and resumes it by signal, as the limits demand. It resumes a run only if a
 * watch paused it, never if a person did. A task that restarts forgets the pause, so the next look pauses it again.
 */
export async function watchRun(session: Session, runId: string, options: WatchOptions): Promise<WatchEnd> {
  const watch = new Watch(session, options);
  for (;;) {
    const run = session.observer.current().history.runs.find(({ id }) => id === runId);
    if (run === undefined) throw new Error(`the run ${runId} is not known`);
    if (!isOpen(run)) return { kind: 'ended', run };
    if (options.signal.aborted) return { kind: 'interrupted', run, held: watch.holds(run) };
    const why = await watch.look(run);
    if (why !== undefined) return { kind: 'stalled', run, why };
    await delay(options.intervalMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

class Watch {
  readonly #session: Session;
  readonly #options: WatchOptions;
  /** True if a watch, this one or an earlier one, made the newest pause. */
  #ours = false;
  #sent: { readonly paused: boolean; readonly atMs: number } | undefined;
  #noted: string | null = null;
  #movedAtMs = Date.now();
  #lastMoveMs = 0;
  #unseenNoted = false;

  constructor(session: Session, options: WatchOptions) {
    this.#session = session;
    this.#options = options;
  }

  holds(run: SnapshotRun): boolean {
    return run.state === 'paused' && this.#ours;
  }

  /** Returns the reason to give up, or undefined. */
  async look(run: SnapshotRun): Promise<string | undefined> {
    const { onTick, stalledAfterMs } = this.#options;
    const { answers, circumstances } = await lookAt(this.#session, ['snapshotProgress', 'load']);
    const pause = valueOf(answers.signals)?.pause;
    // If the role may not read the signals, the watch knows only its own pauses.
    this.#ours = pause === undefined ? this.#ours : pause.by === 'pace';
    const decision = await this.#decide(run, answers);
    await this.#switch(run, decision);
    const stands = this.#stands(run, decision, whyStill(answers, circumstances));
    this.#note(stands);
    onTick({ run, progress: progressOf(run, valueOf(answers.snapshotProgress), Date.now()), stands });
    if (run.movedAtMs !== this.#lastMoveMs || run.state === 'paused') this.#movedAtMs = Date.now();
    this.#lastMoveMs = run.movedAtMs;
    const silentMs = Date.now() - this.#movedAtMs;
    return silentMs > stalledAfterMs
      ? (stands ?? `no chunk for ${String(Math.round(silentMs / 1000))} s`)
      : undefined;
  }

  async #decide(run: SnapshotRun, answers: Answers): Promise<PaceDecision> {
    const { pace, note } = this.#options;
    const readings = await readHealth(this.#session.legacy, answers, pace);
    const blind = unseen(readings);
    if (blind.length > 0 && !this.#unseenNoted) {
      note(
        `these values cannot be seen, so their limits have no effect: ${blind.join(', ')}. Members of pg_read_all_stats can see them: GRANT pg_read_all_stats TO the role of LEGACY_DATABASE_URL`,
      );
    }
    this.#unseenNoted = true;
    return decidePace(readings, pace.limits, this.holds(run));
  }

  async #switch(run: SnapshotRun, decision: PaceDecision): Promise<void> {
    const pausing = decision.kind === 'hold' && run.state === 'running';
    const resuming = decision.kind === 'go' && this.holds(run);
    if (!pausing && !resuming) return;
    if (this.#sent?.paused === pausing && Date.now() - this.#sent.atMs < SEND_AGAIN_MS) return;
    const why =
      decision.kind === 'hold' ? whyHeld(decision.because) : 'all values are below their limits again';
    const type = pausing ? 'pause-snapshot' : 'resume-snapshot';
    this.#sent = { paused: pausing, atMs: Date.now() };
    if (pausing) this.#ours = true;
    await sendSignal(this.#session.legacy, type, switchData({ by: 'pace', why }));
  }

  #stands(run: SnapshotRun, decision: PaceDecision, problems: readonly string[]): string | null {
    if (problems.length > 0) return problems.join('; ');
    if (decision.kind === 'hold' && (run.state === 'running' || this.holds(run)))
      return `held back: ${whyHeld(decision.because)}`;
    if (run.state !== 'paused') return null;
    return this.holds(run)
      ? 'resumed, because all values are below their limits again'
      : 'paused by a person; `history-cdc snapshot resume` resumes it';
  }

  /** Notes each reason once, even if the figures in it change. */
  #note(stands: string | null): void {
    const kind = stands?.replaceAll(/\d+/g, '') ?? null;
    if (kind !== this.#noted) this.#options.note(stands ?? 'it reads on');
    this.#noted = kind;
  }
}
