/** Where something moves and what must follow does not. */
export const STAGES = {
  stream:
    'nothing comes through Kafka Connect, neither rows of the legacy table nor the heartbeat of every 2 s',
  projection: 'a partition of the topic has records, and its stored offset does not move',
} as const;
export type Stage = keyof typeof STAGES;

/** Between two heartbeats there is silence: a shorter one says nothing, whatever is set. */
const BEATS_MS = 10_000;

/** A stage that stands still, and since when; for the projection, of which partition. */
export interface Stall {
  readonly stage: Stage;
  readonly partition?: number;
  readonly nextOffset?: bigint;
  readonly end?: bigint;
  readonly forMs: number;
}

/** How far a partition of the data topic is projected. */
export interface PartitionMovement {
  readonly next: bigint;
  readonly end: bigint;
}

/** Counters of a look, each of which only tells by changing; undefined where it is not known. */
export interface Movement {
  /** Rows written to the legacy table. */
  readonly changes: string | null | undefined;
  /** Records that came into the data topic and the heartbeat's. */
  readonly arrived: bigint | undefined;
  /** The heartbeat came through at some time. It comes every 2 s, so that silence is a standstill whether or not rows are written. */
  readonly beating: boolean;
  readonly partitions: ReadonlyMap<number, PartitionMovement> | undefined;
}

/**
 * Tells which stage has stood still for so long that it is no pause. A standstill is over as soon as something moves.
 *
 * The stream is judged by its heartbeat: nothing for so long is a standstill. To compare the rows written with the records
 * that came would miss the rows of the very look in which the stream stopped, and everything before the first look. Only
 * where no heartbeat ever came, the rows written since the last arrival tell.
 *
 * The projection is judged by partition: one that stands still among others that move would never be seen in their sum.
 */
export class StallWatch {
  readonly #afterMs: number;
  #arrived: { readonly count: bigint; readonly changes: string | null } | undefined;
  #streamSince: number | undefined;
  /** By partition: where it stood at the last look, and since when it is behind and does not move. */
  readonly #standing = new Map<number, { readonly next: bigint; readonly since: number }>();
  #partitions: ReadonlyMap<number, PartitionMovement> = new Map();

  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  /** What stands still by now. `nowMs`: of a clock that only moves forward. */
  observe(nowMs: number, seen: Movement): readonly Stall[] {
    this.#observeStream(nowMs, seen);
    this.#observeProjection(nowMs, seen);
    const stream: Stall[] =
      this.#streamSince === undefined ? [] : [{ stage: 'stream', forMs: nowMs - this.#streamSince }];
    const projection = [...this.#standing].map(([partition, { next, since }]): Stall => {
      const end = this.#partitions.get(partition)?.end ?? next;
      return { stage: 'projection', partition, nextOffset: next, end, forMs: nowMs - since };
    });
    const streamAfterMs = seen.beating ? Math.max(this.#afterMs, BEATS_MS) : this.#afterMs;
    return [...stream, ...projection].filter(
      ({ stage, forMs }) => forMs >= (stage === 'stream' ? streamAfterMs : this.#afterMs),
    );
  }

  #observeStream(nowMs: number, { changes, arrived, beating }: Movement): void {
    if (arrived === undefined || (changes === undefined && !beating)) return;
    if (this.#arrived?.count !== arrived) {
      this.#arrived = { count: arrived, changes: changes ?? null };
      this.#streamSince = undefined;
    } else if (beating || changes !== this.#arrived.changes) this.#streamSince ??= nowMs;
  }

  #observeProjection(nowMs: number, { partitions }: Movement): void {
    if (partitions === undefined) return;
    this.#partitions = partitions;
    for (const [partition, { next, end }] of partitions) {
      const before = this.#standing.get(partition);
      if (end <= next) this.#standing.delete(partition);
      else if (before?.next !== next) this.#standing.set(partition, { next, since: nowMs });
    }
  }
}

export function stallText({ stage, partition, nextOffset, end, forMs }: Stall): string {
  const seconds = `${String(Math.round(forMs / 1000))} s`;
  if (partition === undefined) return `${STAGES[stage]} (for ${seconds})`;
  return `partition ${String(partition)} stands at offset ${String(nextOffset)} for ${seconds}, and the topic ends at ${String(end)}`;
}
