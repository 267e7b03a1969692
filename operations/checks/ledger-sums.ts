import { valueOf } from '../facts/answer.ts';
import type { Answers } from '../facts/facts.ts';
import type { DecisionRow } from '../facts/ledger.ts';

/** What the counts of the ledger come to; null where they are not known, or there is no ledger. */
export interface LedgerSums {
  /** The accounting identity: every legacy row that was ever seen has one decision. */
  readonly rowsSeen: number | null;
  readonly notDeleted: number | null;
  readonly blocked: number | null;
  readonly weak: number | null;
  readonly stragglers: number | null;
  /** Legacy rows beyond those of the ledger that are not deleted; negative where the ledger has more. */
  readonly unseen: number | null;
}

export function ledgerSums({ decisions, legacyRows }: Pick<Answers, 'decisions' | 'legacyRows'>): LedgerSums {
  const rows = valueOf(decisions);
  const sum = (of: (row: DecisionRow) => number) =>
    rows === undefined ? null : rows.reduce((total, row) => total + of(row), 0);
  const notDeleted = sum(({ not_deleted }) => not_deleted);
  const legacy = valueOf(legacyRows);
  return {
    rowsSeen: sum((row) => row.rows),
    notDeleted,
    blocked: sum(({ blocked }) => blocked),
    weak: sum(({ weak }) => weak),
    stragglers: sum(({ stragglers }) => stragglers),
    unseen: legacy === undefined || notDeleted === null ? null : legacy - notDeleted,
  };
}
