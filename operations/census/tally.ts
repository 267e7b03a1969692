import { DECISIONS, type Decision } from '../../consumers/agent-test-history/rule/outcome.ts';
import { WEAK_FINGERPRINT } from '../../consumers/agent-test-history/twins/plan-links.ts';
import { IdLists, type IdList } from './id-list.ts';
import type { CensusRow } from './legacy-rows.ts';
import type { LiveSide } from './live-side.ts';
import { oddValuesOf } from './odd-values.ts';
import type { Prediction } from './prediction.ts';

/** What is counted row by row. */
export interface Counts {
  readonly legacyRows: number;
  /** Every decision, and 0 where none is expected. They add up to the legacy rows. */
  readonly decisions: Readonly<Record<Decision, number>>;
  /** The same by decision and reason. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly weakFingerprint: IdList;
  /** Why records will go to the quarantine, each with its legacy ids. */
  readonly quarantined: Readonly<Record<string, IdList>>;
  readonly script: ScriptFigures;
  readonly window: WindowFigures;
  readonly size: SizeFigures;
  readonly oddValues: Readonly<Record<string, IdList>>;
  /** Rows that will be projected and that the canonical table's retention takes again; null without a retention. */
  readonly expired: number | null;
}

interface ScriptFigures {
  /** Canonical rows of the earlier script, whether or not their legacy row is still there. */
  readonly copies: number;
  readonly copied: number;
  readonly copiedTwice: IdList;
  /** Copies of runs whose user does not own the agent. */
  readonly elevated: IdList;
  /** Copies of legacy rows that are gone. */
  readonly copiesOfNoRow: number;
}

interface WindowFigures {
  readonly first: string | null;
  readonly last: string | null;
  readonly liveRows: number;
  /** Legacy rows between the first and the last live row. */
  readonly legacyRows: number;
}

interface SizeFigures {
  readonly outOfLine: number;
  readonly largest: LargestRow | null;
  /** Rows whose message is larger than the connector may send. */
  readonly tooLarge: IdList;
}

interface LargestRow {
  readonly legacyId: string;
  readonly bytes: number;
  /** As stored, and as the connector would send it where that was measured. */
  readonly measured: 'stored' | 'message';
}

interface Limits {
  readonly nowUs: bigint;
  readonly messageBytes: number;
  readonly retentionDays: number | undefined;
}

/** Counts what it is shown, row by row; the memory it takes does not grow with the table. */
export class Tally {
  readonly #live: LiveSide;
  readonly #limits: Limits;
  readonly #decisions = new Map<Decision, number>();
  readonly #reasons = new Map<string, number>();
  readonly #quarantined = new IdLists();
  readonly #odd = new IdLists();
  readonly #lists = new IdLists<'weak' | 'twice' | 'elevated' | 'too large'>();
  #legacyRows = 0;
  #inWindow = 0;
  #outOfLine = 0;
  #copied = 0;
  #copiesMet = 0;
  #expired = 0;
  #largest: LargestRow | null = null;

  constructor(live: LiveSide, limits: Limits) {
    this.#live = live;
    this.#limits = limits;
  }

  row(row: CensusRow, copies: number): void {
    this.#legacyRows++;
    if (this.#isInWindow(row)) this.#inWindow++;
    if (row.out_of_line) this.#outOfLine++;
    this.#measure(row);
    for (const name of oddValuesOf(row, this.#limits.nowUs)) this.#odd.add(name, row.id);
    if (copies === 0) return;
    this.#copied++;
    this.#copiesMet += copies;
    if (copies > 1) this.#lists.add('twice', row.id);
  }

  prediction({ legacyId, decision, reason, expired }: Prediction): void {
    this.#decisions.set(decision, (this.#decisions.get(decision) ?? 0) + 1);
    const kind = `${decision}: ${reason}`;
    this.#reasons.set(kind, (this.#reasons.get(kind) ?? 0) + 1);
    if (decision === 'quarantined') this.#quarantined.add(reason, legacyId);
    if (reason.endsWith('script_copy_elevated')) this.#lists.add('elevated', legacyId);
    if (reason === WEAK_FINGERPRINT) this.#lists.add('weak', legacyId);
    if (decision === 'projected' && expired) this.#expired++;
  }

  get figures(): Counts {
    const { first, last, liveRows, scriptCopies } = this.#live;
    return {
      legacyRows: this.#legacyRows,
      decisions: Object.fromEntries(
        DECISIONS.map((decision) => [decision, this.#decisions.get(decision) ?? 0]),
      ) as Record<Decision, number>,
      reasons: Object.fromEntries([...this.#reasons].sort(([a], [b]) => (a < b ? -1 : 1))),
      weakFingerprint: this.#lists.get('weak'),
      quarantined: this.#quarantined.all(),
      script: {
        copies: scriptCopies,
        copied: this.#copied,
        copiedTwice: this.#lists.get('twice'),
        elevated: this.#lists.get('elevated'),
        copiesOfNoRow: scriptCopies - this.#copiesMet,
      },
      window: { first, last, liveRows, legacyRows: this.#inWindow },
      size: {
        outOfLine: this.#outOfLine,
        largest: this.#largest,
        tooLarge: this.#lists.get('too large'),
      },
      oddValues: this.#odd.all(),
      expired: this.#limits.retentionDays === undefined ? null : this.#expired,
    };
  }

  #isInWindow({ startedAtUs: us }: CensusRow): boolean {
    const { firstUs, lastUs } = this.#live;
    return us !== undefined && firstUs !== null && lastUs !== null && us >= firstUs && us <= lastUs;
  }

  #measure({ id, stored_bytes, message_bytes }: CensusRow): void {
    const bytes = Number(message_bytes ?? stored_bytes);
    if (bytes > (this.#largest?.bytes ?? -1)) {
      const measured = message_bytes === null ? 'stored' : 'message';
      this.#largest = { legacyId: id, bytes, measured };
    }
    if (message_bytes !== null && bytes > this.#limits.messageBytes) this.#lists.add('too large', id);
  }
}
