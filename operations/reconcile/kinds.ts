/** What `reconcile` can find, a closed set, and what each means. `migrations/0021-proof.sql` says which of them are wrong. */
export const KINDS = {
  unseen: 'a row of the legacy table that the ledger never saw',
  undone:
    '`undo` took the canonical row and its decision back: `history-cdc replay` restores both as they were',
  missing: 'the canonical row of a decision is gone, and retention did not take it',
  different: 'the legacy row and what we made of it differ in these fields',
  doubled: 'a run of ours has two canonical rows',
  suspected_twin: 'a live row that no decision is linked to looks like a row of ours: `history-cdc sweep`',
  elevated: 'a canonical row stands for a run of somebody who does not own the agent',
  foreign: 'a canonical row with our mark that no decision is linked to',
  dangling: 'the link of a decision leads to a canonical row of another kind, run or agent',
  mislinked: 'the live row that a twin is linked to does not look like the run that the ledger has recorded',
  nearer_twin:
    'a live row that no decision is linked to looks the same and is nearer to the run than the one it is linked to: `history-cdc sweep`',
  vanished: 'the legacy row is gone, and the ledger does not know',
  parked:
    "an owner's run, or one of which nobody can say whose it is, waits in quarantine: `history-cdc quarantine list`",
  parked_other: 'a run that is no owner’s waits in quarantine',
  waived: 'a person gave up a record of this row in quarantine',
  moved_away:
    'the legacy row went to an agent that its user does not own: the canonical row stays as it was, and is not compared (`history-cdc redecide`)',
  twin_changed:
    'the legacy row has changed since it was linked to its live row, and looks like another run now',
  truncated: 'an accepted truncate took the legacy row; recorded, and from now on known',
  pruned: 'retention took the canonical row; recorded, and from now on known',
  weak_twin: 'an unlinked live row near a row of ours, both without headline and duration: for a person',
  script_elevated: 'the earlier script copied a run of somebody who does not own the agent',
  script_doubled: 'the earlier script copied a run twice',
  owner_then: 'the user was an owner when it was decided, and is none now: the decision stands',
  owner_by_now: 'the user was no owner when it was decided, and is one now: too late for the sweep',
} as const;

export type Kind = keyof typeof KINDS;

export const KIND_NAMES = Object.keys(KINDS) as [Kind, ...Kind[]];

/** Rows of which a verdict does not say that their canonical row shows what the legacy table has. */
export const EXCEPTIONS = [
  'parked',
  'parked_other',
  'waived',
  'moved_away',
  'twin_changed',
] as const satisfies Kind[];
