/** Where something moves and what must follow does not. */
export const STAGES = {
  stream: 'the legacy table is written to, and nothing comes through Kafka Connect',
  projection: 'the topic has records, and no stored offset moves',
} as const;
export type Stage = keyof typeof STAGES;

/** Counters of a look, each of which only tells by changing; undefined where it is not known. */
export interface Movement {
  /** Rows written to the legacy table. */
  readonly changes: string | null | undefined;
  /** Records that came into the data topic and the heartbeat's. */
  readonly arrived: bigint | undefined;
  /** The sum of the stored offsets. */
  readonly projected: bigint | undefined;
  /** Records of the data topic that are not projected. */
  readonly behind: bigint | undefined;
}

/** "The source moves, the ledger does not", for so long that it is no pause. It is over as soon as something moves. */
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
    return [...this.#since].filter(([, since]) => nowMs - since >= this.#afterMs).map(([stage]) => stage);
  }

  #observeStream(nowMs: number, { changes, arrived }: Movement): void {
    if (changes === undefined || arrived === undefined) return;
    if (this.#arrived?.count !== arrived) {
      this.#arrived = { count: arrived, changes };
      this.#since.delete('stream');
    } else if (changes !== this.#arrived.changes) this.#begin('stream', nowMs);
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
