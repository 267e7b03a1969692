import type { DecisionRow, StatusFacts } from './facts.ts';

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

export function ledgerSums({ ledger, legacyRows }: Pick<StatusFacts, 'ledger' | 'legacyRows'>): LedgerSums {
  const rows = ledger.answer.known ? ledger.answer.value : undefined;
  const sum = (of: (row: DecisionRow) => number) =>
    rows === undefined ? null : rows.reduce((total, row) => total + of(row), 0);
  const notDeleted = sum(({ not_deleted }) => not_deleted);
  const legacy = legacyRows.answer.known ? legacyRows.answer.value : null;
  return {
    rowsSeen: sum((row) => row.rows),
    notDeleted,
    blocked: sum(({ blocked }) => blocked),
    weak: sum(({ weak }) => weak),
    stragglers: sum(({ stragglers }) => stragglers),
    unseen: legacy === null || notDeleted === null ? null : legacy - notDeleted,
  };
}
