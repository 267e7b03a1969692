import { isSameBatch, type BatchMark } from '../../../lib/kafka-batch.ts';
import type { FetchedRecords } from '../../../lib/kafka-consumer.ts';

/** What a fetch is good for: `take` it; it does not begin `elsewhere`; `look_back` first; the log was `cut`. */
export type Fetch = 'take' | 'elsewhere' | 'look_back' | 'cut';

type Read = Pick<FetchedRecords, 'fetchedOffset' | 'nextOffset' | 'batches'>;

/**
 * Holds the log of one partition against what was read of it. A log can lose its end (an unclean election, a broker that lost
 * its page cache) and grow again: then new records have offsets that were read already, and would count as seen. So the batch
 * that was read last is read once more, and must be the same: at each assignment, and whenever a batch of another leader
 * comes, because a log loses its end in an election only. It costs one fetch for each.
 */
export class LogCheck {
  #next: bigint;
  /** The batch that lies before `#next`; null where it is not known. */
  #last: BatchMark | null;
  #looksBack: boolean;

  /** `low`: the first offset that the partition holds; what lies before it cannot be read once more. */
  constructor(next: bigint, last: BatchMark | null, low: bigint) {
    this.#next = next;
    // Where somebody has moved the stored offset by hand, the stored batch says nothing about the new one.
    this.#last = last !== null && liesBefore(last, next) ? last : null;
    this.#looksBack = this.#last !== null && next > low;
  }

  /** False until the batch that was read last was read once more. */
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
    if (before === undefined && !this.#looksBack && first.leaderEpoch !== this.#last.leaderEpoch) {
      this.#looksBack = true;
      return 'look_back';
    }
    this.#looksBack = false;
    return 'take';
  }

  /** The fetch was taken in. */
  taken({ nextOffset, batches }: Read): void {
    if (nextOffset <= this.#next) return;
    this.#next = nextOffset;
    this.#last = batches.at(-1) ?? null;
  }

  /** The partition begins later by now; what was read last is deleted, as a retention does. */
  beginsAt(low: bigint): void {
    if (this.from < low) this.#looksBack = false;
  }
}

function liesBefore({ first, last }: BatchMark, next: bigint): boolean {
  return first < next && last >= next - 1n;
}
