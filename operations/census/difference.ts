import { isAlias } from '../forget/alias.ts';
import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import { TWIN_BLOCKED } from '../../consumers/agent-test-history/twins/plan-links.ts';
import type { Prediction } from './prediction.ts';

/** Why a prediction and the ledger may differ although nothing is wrong. */
export const EXPLANATIONS = {
  came_after: 'the row started after the last change that was streamed: it is still on its way',
  undone: '`undo` took it back: `history-cdc replay` restores it as it was',
  record_quarantined: 'a record of the row lies in quarantine, whatever the row is like',
  refused_later: 'the canonical table would refuse the row today; the earlier decision stays',
  older_rule: 'an older rule decided it: `history-cdc redecide`',
  moved: 'the context of the row has changed since the decision',
  user_changed: 'the user of the row has changed since the decision',
  agent_url_changed: 'the agent of the context has changed since the decision',
  membership_came_later: 'the user became a member after the decision',
  membership_ended: 'the user was a member at the decision, and is not one now',
  agent_listed_later: 'the organisation listed the agent after the decision',
  agent_unlisted: 'the organisation listed the agent at the decision, and does not now',
  opted_out_later: 'the agent opted out after the decision',
  opt_out_ended: 'the agent was opted out at the decision, and is not now',
  script_copy_came_later: "the script's copy was not known at the decision",
  script_copy_removed: "the script's copy existed at the decision, and is gone now",
  live_row_pruned: 'its live row existed at the decision, and is gone now',
  live_row_came_later: 'its live row came after the decision: the next sweep links it',
  absorb_blocked: 'something refers to our row, so its live row cannot take over',
  live_row_stands_for_another:
    'its live row was already linked to another legacy row, and stays linked to it',
  changed_after_it_was_linked:
    'the row matched its live row when they were linked, and does not match it now',
  pair_settled: 'the pair was settled before other rows near it came or went',
  deleted_since: 'the row is gone from the legacy table, and the ledger says so',
  deleted_not_projected_yet: 'the row is gone from the legacy table, and its delete is still on its way',
} as const;

/** Differences without a known reason. They make the exit code 1. */
export const UNEXPLAINED = {
  never_seen: 'the ledger has no decision, though later ones were taken: is the snapshot complete?',
  live_row_not_absorbed:
    'its live row is linked to nothing, and existed before the decision: run `history-cdc sweep`, and compare again',
  unexplained: 'no known reason explains the difference',
} as const;

export type Difference = keyof typeof EXPLANATIONS | keyof typeof UNEXPLAINED;

/**
 * What the ledger has for a row, as `ledger-entries.sql` reads it. Without a ledger entry, everything but the last six
 * fields is null.
 */
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

/** Returns the first reason that fits. Look-ups come before links, because links follow from look-ups. */
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
  // For a forgotten user, the ledger has an alias, which cannot be compared.
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
