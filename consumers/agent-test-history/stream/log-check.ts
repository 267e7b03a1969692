import { isSameBatch, type BatchMark } from '../../../lib/kafka-batch.ts';
import type { FetchedRecords } from '../../../lib/kafka-consumer.ts';

/**
 * What to do with a fetch. `take`: use it. `elsewhere`: it does not begin at the offset that was asked for.
 * `look_back`: read the last batch again first. `cut`: the log lost its end.
 */
export type Fetch = 'take' | 'elsewhere' | 'look_back' | 'cut';

type Read = Pick<FetchedRecords, 'fetchedOffset' | 'nextOffset' | 'batches'>;

/**
 * Checks that the log of one partition still has what was read from it. The batch that was read last is read again and
 * must be the same: at each assignment, and whenever a batch of another leader comes. A log can lose its end in an
 * election (an unclean one, or after a broker lost its page cache) and grow again. Without this check, the new records
 * would have offsets that were read already, and would count as seen. Each check costs one fetch.
 */
export class LogCheck {
  #next: bigint;
  /** The batch before `#next`; null if it is not known. */
  #last: BatchMark | null;
  #looksBack: boolean;
  /**
   * The leader whose batch made us look back. Its batch may not fit into the answer that begins with the last batch, so it
   * comes in the next fetch, and must not make us look back again. Its log cannot lose its end without a later leader.
   */
  #lookedBackFor: bigint | undefined;

  /** `low` is the first offset that the partition holds. Earlier batches cannot be read again. */
  constructor(next: bigint, last: BatchMark | null, low: bigint) {
    this.#next = next;
    // If somebody has moved the stored offset by hand, the stored batch does not belong to the new offset.
    this.#last = last !== null && liesBefore(last, next) ? last : null;
    this.#looksBack = this.#last !== null && next > low;
  }

  /** False until the batch that was read last has been read again. */
  get isChecked(): boolean {
    return !this.#looksBack;
  }

  /** The offset to fetch from. */
  get from(): bigint {
    return this.#looksBack ? this.#next - 1n : this.#next;
  }

  judge({ fetchedOffset, batches }: Read): Fetch {
    if (fetchedOffset !== this.from) return 'elsewhere';
    const [first] = batches;
    if (first === undefined || this.#last === null) return 'take';
    const before = batches.find((batch) => liesBefore(batch, this.#next));
    if (before !== undefined && !isSameBatch(this.#last, before)) return 'cut';
    const isAnothers =
      first.leaderEpoch !== this.#last.leaderEpoch && first.leaderEpoch !== this.#lookedBackFor;
    if (before === undefined && !this.#looksBack && isAnothers) {
      this.#looksBack = true;
      this.#lookedBackFor = first.leaderEpoch;
      return 'look_back';
    }
    this.#looksBack = false;
    return 'take';
  }

  /** Call it when the records of the fetch have been queued. */
  taken({ nextOffset, batches }: Read): void {
    if (nextOffset <= this.#next) return;
    this.#next = nextOffset;
    this.#last = batches.at(-1) ?? null;
    this.#lookedBackFor = undefined;
  }

  /** Call it when retention has deleted the batch that was read last, so that the partition now begins later. */
  beginsAt(low: bigint): void {
    if (this.from < low) this.#looksBack = false;
  }
}

function liesBefore({ first, last }: BatchMark, next: bigint): boolean {
  return first < next && last >= next - 1n;
}
