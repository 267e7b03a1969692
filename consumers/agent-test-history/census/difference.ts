import { isAlias } from '../forget/alias.ts';
import { RULE_VERSION } from '../outcome.ts';
import { TWIN_BLOCKED } from '../twins/plan-links.ts';
import type { Prediction } from './prediction.ts';

/** Why a prediction and the ledger may differ although nothing is wrong. */
export const EXPLANATIONS = {
  came_after: 'the row started after the last change that was streamed: it is still on its way',
  undone: '`undo` took it back: `history-cdc replay` restores it as it was',
  record_quarantined: 'a record of the row lies in quarantine, whatever the row is like',
  refused_later: 'the canonical table would refuse the row as both are now: what was decided before stays',
  older_rule: 'an older rule decided it: `history-cdc redecide`',
  moved: 'the row has another context now than when it was decided',
  user_changed: 'the row has another user now than when it was decided',
  agent_url_changed: 'the context names another agent now',
  membership_came_later: 'the user became a member after the decision',
  membership_ended: 'the user was a member then, and is none now',
  agent_listed_later: 'the organisation listed the agent after the decision',
  agent_unlisted: 'the organisation listed the agent then, and does not now',
  opted_out_later: 'the agent opted out after the decision',
  opt_out_ended: 'the agent was opted out then, and is not now',
  script_copy_came_later: "the script's copy was not known when it was decided",
  script_copy_removed: "the script's copy was there then, and is gone",
  live_row_pruned: 'its live row was there then, and is gone',
  live_row_came_later: 'its live row is younger than the decision: the next sweep absorbs it',
  absorb_blocked: 'something refers to our row, so its live row cannot take over',
  live_row_stands_for_another: 'its live row was linked to another row by then, and stays with it',
  changed_after_it_was_linked: 'the row looked like its live row then, and does not now',
  pair_settled: 'the pair was settled before other rows of its cluster came or went',
  deleted_since: 'the row is gone from the legacy table, and the ledger says so',
  deleted_not_projected_yet: 'the row is gone from the legacy table, and its delete is still on its way',
} as const;

/** What no known reason explains: the answer is no. */
export const UNEXPLAINED = {
  never_seen: 'the ledger has no decision, though later ones were taken: is the snapshot complete?',
  live_row_not_absorbed:
    'its live row stands for no row, and was there before the decision: run `history-cdc sweep`, and compare again',
  unexplained: 'nothing that is known explains the difference',
} as const;

export type Difference = keyof typeof EXPLANATIONS | keyof typeof UNEXPLAINED;

/** What the ledger has for a row, as `ledger-entries.sql` reads it; everything but the last six null without an entry. */
export interface LedgerSide {
  readonly legacy_id: string;
  readonly decision: string | null;
  readonly reason: string | null;
  readonly rule_version: number | null;
  readonly agent_context_id: string | null;
  readonly user_id: string | null;
  readonly agent_url: string | null;
  readonly is_member: boolean | null;
  readonly lists_agent: boolean | null;
  readonly opted_out: boolean | null;
  readonly fingerprint: string | null;
  readonly run_exists: boolean;
  readonly pair_settled: boolean | null;
  readonly live_holder: string | null;
  readonly live_row_is_younger: boolean | null;
  readonly copy_was_known: boolean;
  readonly was_undone: boolean;
}

/** The first reason that fits; the look-ups before the links, which follow from them. */
export function explain(prediction: Prediction, ledger: LedgerSide, cameAfter: boolean): Difference {
  if (ledger.decision === null && ledger.was_undone) return 'undone';
  if (ledger.decision === null) return cameAfter ? 'came_after' : 'never_seen';
  if (ledger.decision === 'quarantined') return 'record_quarantined';
  if (prediction.decision === 'quarantined') return 'refused_later';
  if (ledger.rule_version !== null && ledger.rule_version < RULE_VERSION) return 'older_rule';
  return (
    byLookUps(prediction, ledger) ??
    byCopies(prediction, ledger) ??
    byLinks(prediction, ledger) ??
    'unexplained'
  );
}

function byLookUps({ found }: Prediction, ledger: LedgerSide): Difference | undefined {
  if (found === null) return undefined;
  if (found.agentContextId !== ledger.agent_context_id) return 'moved';
  // Of a user who was forgotten, the ledger has the alias.
  if (found.userId !== ledger.user_id && !isAlias(ledger.user_id)) return 'user_changed';
  if (found.agentUrl !== ledger.agent_url) return 'agent_url_changed';
  if (found.isMember !== ledger.is_member)
    return found.isMember === true ? 'membership_came_later' : 'membership_ended';
  if (found.listsAgent !== ledger.lists_agent)
    return found.listsAgent === true ? 'agent_listed_later' : 'agent_unlisted';
  if (found.optedOut !== ledger.opted_out)
    return found.optedOut === true ? 'opted_out_later' : 'opt_out_ended';
  return undefined;
}

function byCopies(prediction: Prediction, ledger: LedgerSide): Difference | undefined {
  if (ledger.decision === 'adopted' && !ledger.run_exists) return 'script_copy_removed';
  return prediction.decision === 'adopted' && !ledger.copy_was_known ? 'script_copy_came_later' : undefined;
}

function byLinks(prediction: Prediction, ledger: LedgerSide): Difference | undefined {
  if (ledger.decision === 'twin') {
    if (!ledger.run_exists) return 'live_row_pruned';
    if (ledger.fingerprint !== prediction.fingerprint) return 'changed_after_it_was_linked';
    return ledger.pair_settled === true ? 'pair_settled' : undefined;
  }
  if (prediction.decision !== 'twin') return undefined;
  if (ledger.reason === TWIN_BLOCKED) return 'absorb_blocked';
  if (ledger.live_holder !== null) return 'live_row_stands_for_another';
  return ledger.live_row_is_younger === true ? 'live_row_came_later' : 'live_row_not_absorbed';
}
