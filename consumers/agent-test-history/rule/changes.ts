/** What a transaction changed. A replay changes nothing: every number is 0. */
export interface Changes {
  readonly runsInserted: number;
  readonly runsUpdated: number;
  /** Canonical rows of ours that gave way to their live twins. */
  readonly runsDeleted: number;
  readonly ledgerWritten: number;
}

export const NO_CHANGES: Changes = { runsInserted: 0, runsUpdated: 0, runsDeleted: 0, ledgerWritten: 0 };

export function addChanges(a: Changes, b: Changes): Changes {
  return {
    runsInserted: a.runsInserted + b.runsInserted,
    runsUpdated: a.runsUpdated + b.runsUpdated,
    runsDeleted: a.runsDeleted + b.runsDeleted,
    ledgerWritten: a.ledgerWritten + b.ledgerWritten,
  };
}
