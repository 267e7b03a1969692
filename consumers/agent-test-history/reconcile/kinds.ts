/** What `reconcile` can find, a closed set, and what each means. Which of them are wrong says `migrations/0005-reconcile.sql`. */
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
  vanished: 'the legacy row is gone, and the ledger does not know',
  pruned: 'retention took the canonical row; recorded, and from now on known',
  weak_twin: 'an unlinked live row near a row of ours, both without headline and duration: for a person',
  script_elevated: 'the earlier script copied a run of somebody who does not own the agent',
  script_doubled: 'the earlier script copied a run twice',
  owner_then: 'the user was an owner when it was decided, and is none now: the decision stands',
  owner_by_now: 'the user was no owner when it was decided, and is one now: too late for the sweep',
} as const;

export type Kind = keyof typeof KINDS;

export const KIND_NAMES = Object.keys(KINDS) as [Kind, ...Kind[]];
