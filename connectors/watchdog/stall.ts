/** Where something moves and what must follow does not. */
export const STAGES = {
  stream:
    'nothing comes through Kafka Connect, neither rows of the legacy table nor the heartbeat of every 2 s',
  projection: 'the topic has records, and no stored offset moves',
} as const;
export type Stage = keyof typeof STAGES;

/** Between two heartbeats there is silence: a shorter one says nothing, whatever is set. */
const BEATS_MS = 10_000;

/** Counters of a look, each of which only tells by changing; undefined where it is not known. */
export interface Movement {
  /** Rows written to the legacy table. */
  readonly changes: string | null | undefined;
  /** Records that came into the data topic and the heartbeat's. */
  readonly arrived: bigint | undefined;
  /** The heartbeat came through at some time. It comes every 2 s, so that silence is a standstill whether or not rows are written. */
  readonly beating: boolean;
  /** The sum of the stored offsets. */
  readonly projected: bigint | undefined;
  /** Records of the data topic that are not projected. */
  readonly behind: bigint | undefined;
}

/**
 * Tells which stage has stood still for so long that it is no pause. A standstill is over as soon as something moves.
 *
 * The stream is judged by its heartbeat: nothing for so long is a standstill. To compare the rows written with the records
 * that came would miss the rows of the very look in which the stream stopped, and everything before the first look. Only
 * where no heartbeat ever came, the rows written since the last arrival tell.
 */
export class StallWatch {
  readonly #afterMs: number;
  #arrived: { readonly count: bigint; readonly changes: string | null } | undefined;
  #projected: bigint | undefined;
  readonly #since = new Map<Stage, number>();

  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  /** The stages that stand still by now. `nowMs`: of a clock that only moves forward. */
  observe(nowMs: number, seen: Movement): readonly Stage[] {
    this.#observeStream(nowMs, seen);
    this.#observeProjection(nowMs, seen);
    const afterMs = {
      projection: this.#afterMs,
      stream: seen.beating ? Math.max(this.#afterMs, BEATS_MS) : this.#afterMs,
    };
    return [...this.#since]
      .filter(([stage, since]) => nowMs - since >= afterMs[stage])
      .map(([stage]) => stage);
  }

  #observeStream(nowMs: number, { changes, arrived, beating }: Movement): void {
    if (arrived === undefined || (changes === undefined && !beating)) return;
    if (this.#arrived?.count !== arrived) {
      this.#arrived = { count: arrived, changes: changes ?? null };
      this.#since.delete('stream');
    } else if (beating || changes !== this.#arrived.changes) this.#begin('stream', nowMs);
  }

  #observeProjection(nowMs: number, { projected, behind }: Movement): void {
    if (projected === undefined || behind === undefined) return;
    if (behind <= 0n || projected !== this.#projected) this.#since.delete('projection');
    if (behind > 0n) this.#begin('projection', nowMs);
    this.#projected = projected;
  }

  #begin(stage: Stage, nowMs: number): void {
    if (!this.#since.has(stage)) this.#since.set(stage, nowMs);
  }
}
