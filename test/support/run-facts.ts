/** What `project --json` and `replay --json` print. */
export interface RunFacts {
  readonly read: number;
  readonly records: Readonly<Record<'applied' | 'duplicate' | 'stale' | 'tombstone' | 'quarantined', number>>;
  readonly decisions: Readonly<Partial<Record<string, number>>>;
  readonly valuesLeftOut: Readonly<Partial<Record<string, number>>>;
  readonly changes: Readonly<
    Record<'runsInserted' | 'runsUpdated' | 'runsDeleted' | 'ledgerWritten' | 'total', number>
  >;
  readonly sweeps: Readonly<
    Record<
      | 'sweeps'
      | 'absorbed'
      | 'relinked'
      | 'lateOwners'
      | 'settled'
      | 'blocked'
      | 'lateOwnersReported'
      | 'stragglers',
      number
    >
  >;
  readonly quarantine: { readonly open: number; readonly waived: number } | null;
  readonly stopped: 'caught_up' | 'signal';
}

/** I15, in every run of every test: each record that was read counts in exactly one way. */
export function accounted(facts: RunFacts): RunFacts {
  const sum = Object.values(facts.records).reduce((total, count) => total + count, 0);
  if (sum !== facts.read)
    throw new Error(`${String(facts.read)} records were read, and ${String(sum)} are accounted for`);
  return facts;
}
