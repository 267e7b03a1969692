/** The stages that can stand still, each with its evidence. */
export const STAGES = {
  stream:
    'nothing arrives through Kafka Connect, neither rows of the legacy table nor the heartbeat, which comes every 2 s',
  projection: 'a partition of the topic has records, but its stored offset does not move',
} as const;
export type Stage = keyof typeof STAGES;

/** The shortest silence that counts, whatever is configured, because there is always silence between two heartbeats. */
const BEATS_MS = 10_000;

/** A stage that stands still, and since when. For the projection, it names the partition. */
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

/** The counters of a look. Only their changes mean something. Undefined if a counter is not known. */
export interface Movement {
  /** The number of rows written to the legacy table. */
  readonly changes: string | null | undefined;
  /** The number of records that arrived in the data topic and the heartbeat's topic. */
  readonly arrived: bigint | undefined;
  /**
   * True if a heartbeat has ever arrived. One comes every 2 s, so silence is a standstill even if no rows are written.
   */
  readonly beating: boolean;
  readonly partitions: ReadonlyMap<number, PartitionMovement> | undefined;
}

/**
 * Finds stages that have stood still for too long. A standstill ends as soon as something moves.
 *
 * The stream is judged by its heartbeat. A comparison of rows written with records that arrived would miss the rows of
 * the look in which the stream stopped, and everything before the first look. It is used only if no heartbeat has ever
 * arrived.
 *
 * The projection is judged per partition. In a sum, one partition that stands still among others that move would not
 * show.
 */
export class StallWatch {
  readonly #afterMs: number;
  #arrived: { readonly count: bigint; readonly changes: string | null } | undefined;
  #streamSince: number | undefined;
  /** By partition: its offset at the last look, and since when it is behind and has not moved. */
  readonly #standing = new Map<number, { readonly next: bigint; readonly since: number }>();
  #partitions: ReadonlyMap<number, PartitionMovement> = new Map();

  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  /** The stages that stand still now. `nowMs` is of a clock that only moves forward. */
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
