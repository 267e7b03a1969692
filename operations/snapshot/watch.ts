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

/** What the watch sees at one moment. */
export interface Tick {
  readonly run: SnapshotRun;
  readonly progress: SnapshotProgress;
  /** What holds it back, or keeps it from moving; null while it moves. */
  readonly stands: string | null;
}

export interface WatchOptions {
  readonly pace: PaceSettings;
  readonly intervalMs: number;
  /** Gives up when nothing has moved for so long, and nothing holds it back. */
  readonly stalledAfterMs: number;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
  readonly onTick: (tick: Tick) => void;
}

export type WatchEnd =
  | { readonly kind: 'ended'; readonly run: SnapshotRun }
  | { readonly kind: 'stalled'; readonly run: SnapshotRun; readonly why: string }
  | { readonly kind: 'interrupted'; readonly run: SnapshotRun; readonly held: boolean };

/** Debezium answers a pause when the chunk in hand has been read; before that, the signal is not sent again. */
const SEND_AGAIN_MS = 30_000;

/**
 * Follows one run to its end, and pauses and resumes it by signal as the health of the database demands. It resumes only
 * what a watch paused, never what a person did. A task that begins anew forgets the pause; the next look pauses it again.
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
  /** Whether the newest pause is a watch's: this one's, or that of one before it. */
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

  /** Gives why it is to be given up. */
  async look(run: SnapshotRun): Promise<string | undefined> {
    const { onTick, stalledAfterMs } = this.#options;
    const { answers, circumstances } = await lookAt(this.#session, ['snapshotProgress', 'load']);
    const pause = valueOf(answers.signals)?.pause;
    // Where the signals may not be read, it knows of its own.
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
        `cannot be seen, so no limit: ${blind.join(', ')}; a member of pg_read_all_stats can: GRANT pg_read_all_stats TO the role of LEGACY_DATABASE_URL`,
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
    const why = decision.kind === 'hold' ? whyHeld(decision.because) : 'all is below its limit again';
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
      ? 'goes on: all is below its limit again'
      : 'paused by a person: `history-cdc snapshot resume` lets it go on';
  }

  /** Once for each reason, not once for each figure in it. */
  #note(stands: string | null): void {
    const kind = stands?.replaceAll(/\d+/g, '') ?? null;
    if (kind !== this.#noted) this.#options.note(stands ?? 'it reads on');
    this.#noted = kind;
  }
}
