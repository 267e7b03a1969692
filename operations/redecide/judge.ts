import { classify, isOwner, type OptOutPolicy } from '../../consumers/agent-test-history/rule/classify.ts';
import type { RowFacts } from '../../consumers/agent-test-history/rule/row-facts.ts';
import {
  isOwnerDecision,
  RULE_VERSION,
  type Decision,
} from '../../consumers/agent-test-history/rule/outcome.ts';
import type { DecidedRow } from './decided-rows.ts';

/**
 * What may be done about a row that would be decided otherwise today. `open`: it has no canonical row and was decided
 * inside the grace window, so it can be decided again. `too_late`: the grace window is over. `stands`: an owner
 * decision, which is never taken back.
 */
export type Standing = 'open' | 'too_late' | 'stands';

export interface Change {
  readonly legacyId: string;
  readonly from: Decision;
  readonly to: Decision;
  readonly why: readonly string[];
  readonly standing: Standing;
}

/** The decision by the rule with today's look-ups; undefined if it equals the recorded one. */
export function judge(row: DecidedRow, facts: RowFacts, policy: OptOutPolicy): Change | undefined {
  const to = classify({ userId: row.user_id }, facts, policy).decision;
  const standing = isOwnerDecision(row.decision) ? 'stands' : row.young ? 'open' : 'too_late';
  if (standing === 'stands' ? isStillOwners(row.decision, to) : to === row.decision) return undefined;
  return { legacyId: row.legacy_id, from: row.decision, to, why: reasonsFor(row, facts, to), standing };
}

/**
 * An owner's run whose legacy row moved to somebody else's agent: its canonical row stays as it is. `facts` belong to
 * the row as the legacy table has it now. If the user owns that agent by now, the next event of the row moves the
 * canonical row there.
 */
export function judgeMoved(row: DecidedRow, facts: RowFacts, policy: OptOutPolicy): Change {
  const { decision } = classify({ userId: facts.userId }, facts, policy);
  const why = isOwner(facts)
    ? 'moved to an agent that the user now owns'
    : 'moved to an agent that the user does not own';
  const to = isStillOwners(row.decision, decision) ? row.decision : decision;
  return { legacyId: row.legacy_id, from: row.decision, to, why: [why], standing: 'stands' };
}

/** A run that the live path or the script had recorded stays an owner's, even if the owner opted out later. */
function isStillOwners(from: Decision, to: Decision): boolean {
  return isOwnerDecision(to) || (to === 'opted_out' && from !== 'projected');
}

/** The changes since the decision that explain the difference. */
function reasonsFor(row: DecidedRow, { context }: RowFacts, to: Decision): string[] {
  const why: string[] = [];
  const had = row.organization_id !== null;
  if (context === null) why.push(...(had ? ['context gone'] : []));
  else if (!had) why.push('context back');
  else {
    if (row.organization_id !== context.organizationId || row.agent_url !== context.agentUrl)
      why.push('the context names another agent');
    if (row.is_member !== context.isMember) why.push(context.isMember ? 'membership now' : 'membership lost');
    if (row.lists_agent !== context.listsAgent) why.push(context.listsAgent ? 'listed now' : 'unlisted');
    if (row.opted_out !== context.optedOut) why.push(context.optedOut ? 'opted out' : 'opted in');
  }
  if (row.rule_version < RULE_VERSION) why.push(`rule version ${String(RULE_VERSION)}`);
  if (to === 'adopted') why.push("the earlier script's copy was found");
  // If look-ups and rule are the same, only the policy can have changed.
  return why.length > 0 ? why : ['OPT_OUT_POLICY changed'];
}
