/**
 * Everything that `reconcile` can find, as a closed set, with its meaning. `migrations/0021-proof.sql` says which kinds
 * are wrong.
 */
export const KINDS = {
  unseen: 'a row of the legacy table that has no decision in the ledger',
  undone:
    '`undo` removed the canonical row and its decision: `history-cdc replay` restores both as they were',
  missing: 'the canonical row of a decision is gone, and retention does not explain that',
  different: 'the legacy row and our canonical or ledger row differ in these fields',
  doubled: 'a run of ours has two canonical rows',
  suspected_twin: 'a live row without a link looks like a row of ours: `history-cdc sweep`',
  elevated: 'a canonical row stands for a run of somebody who does not own the agent',
  foreign: 'a canonical row with our mark to which no decision is linked',
  dangling: 'the link of a decision leads to a canonical row of another kind, run or agent',
  mislinked: 'the live row of a twin does not look like the run that the ledger recorded',
  nearer_twin:
    'a live row without a link looks the same, and is nearer to the run than the live row that is linked: `history-cdc sweep`',
  vanished: 'the legacy row is gone, and the ledger has no record of its delete',
  parked:
    "an owner's run, or a run whose owner cannot be determined, waits in quarantine: `history-cdc quarantine list`",
  parked_other: 'a run that is not an owner’s waits in quarantine',
  waived: 'a person waived a quarantined record of this row',
  moved_away:
    'the legacy row was moved to an agent that its user does not own: the canonical row stays as it was, and is not compared (`history-cdc redecide`)',
  twin_changed:
    'the legacy row has changed since it was linked to its live row, and looks like another run now',
  truncated: 'an accepted truncate removed the legacy row; this is now recorded',
  pruned: 'retention removed the canonical row; this is now recorded',
  weak_twin:
    'a live row without a link is near a row of ours, both without headline and duration: a person has to look',
  script_elevated: 'the earlier script copied a run of somebody who does not own the agent',
  script_doubled: 'the earlier script copied a run twice',
  owner_then: 'the user was an owner at the decision, and is not one now: the decision stands',
  owner_by_now: 'the user was not an owner at the decision, and is one now: too late for the sweep',
} as const;

export type Kind = keyof typeof KINDS;

export const KIND_NAMES = Object.keys(KINDS) as [Kind, ...Kind[]];

/** Kinds of rows that the verdict makes no statement about: their canonical row may differ from the legacy table. */
export const EXCEPTIONS = [
  'parked',
  'parked_other',
  'waived',
  'moved_away',
  'twin_changed',
] as const satisfies Kind[];
