import { createHash } from 'node:crypto';
import { rowHash, type Value } from './row-hash.ts';

/** What the ledger says of a row. All are null where it says nothing. */
export interface LedgerWord {
  readonly decision: string | null;
  readonly reason: string | null;
  readonly canonicalRunId: string | null;
}

export function decisionHash(id: Value, { decision, reason, canonicalRunId }: LedgerWord): Buffer {
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text));
  return rowHash([id, bytes(decision), bytes(reason), bytes(canonicalRunId)]);
}

export const UNDECIDED = 'undecided';

/** The hashes of a month, made row by row in the order of (started_at, id); see manifest.ts. */
export class MonthHashes {
  readonly #content = createHash('sha256');
  readonly #decisions = createHash('sha256');
  readonly #counts = new Map<string, number>();
  #rows = 0;

  add(
    { hash, decision }: { readonly hash: Buffer; readonly decision: string | null },
    decided: Buffer,
  ): void {
    this.#content.update(hash);
    this.#decisions.update(decided);
    const name = decision ?? UNDECIDED;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    this.#rows++;
  }

  end() {
    return {
      rows: this.#rows,
      contentSha256: this.#content.digest('hex'),
      decisionsSha256: this.#decisions.digest('hex'),
      decisions: Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  }
}
