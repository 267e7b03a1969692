import type { CompleteRow } from '../record/event.ts';
import type { RowFacts } from './row-facts.ts';
import type { Decision } from './outcome.ts';

export type OptOutPolicy = 'respect' | 'project';

/** The decision on a row without a canonical row. */
export type Classification =
  | { readonly decision: 'projected'; readonly reason: 'owner' }
  | Adoption
  | {
      readonly decision: Extract<Decision, 'third_party' | 'anonymous' | 'opted_out' | 'orphaned'>;
      readonly reason: string;
    };

export interface Adoption {
  readonly decision: 'adopted';
  readonly reason: string;
  readonly canonicalRunId: string;
}

/**
 * The ownership rule and the order of the decisions, in one place: for snapshot rows, streamed rows, and every command
 * that predicts or checks a decision. It fails closed: a user whose ownership is not proven is not an owner.
 *
 * `twin` belongs between `orphaned` and `opted_out`: a run that the live path recorded stays recorded, even if the
 * agent opted out.
 */
export function classify(
  row: Pick<CompleteRow, 'userId'>,
  facts: RowFacts,
  policy: OptOutPolicy,
): Classification {
  const { context, scriptCopies } = facts;
  if (isBlank(row.userId)) return { decision: 'anonymous', reason: 'no_user_id' };
  const notOwner = context === null ? undefined : notOwnerReason(facts);
  if (notOwner !== undefined) {
    // The script took every user for an owner. This copy is wrongly elevated, and is never adopted.
    return {
      decision: 'third_party',
      reason: scriptCopies.length > 0 ? `${notOwner},script_copy_elevated` : notOwner,
    };
  }
  const adopted = adoption(scriptCopies);
  if (adopted !== undefined) return adopted;
  if (context === null) return { decision: 'orphaned', reason: 'context_missing' };
  if (context.optedOut && policy === 'respect')
    return { decision: 'opted_out', reason: 'compliance_opt_out' };
  return { decision: 'projected', reason: 'owner' };
}

/** The first of the script's copies, to which the run is linked; undefined if there is none. */
export function adoption([copy, ...moreCopies]: RowFacts['scriptCopies']): Adoption | undefined {
  if (copy === undefined) return undefined;
  const reason = moreCopies.length > 0 ? 'script_copy,script_copied_twice' : 'script_copy';
  return { decision: 'adopted', reason, canonicalRunId: copy };
}

/** True if the user provably owns the context's agent. */
export function isOwner(facts: RowFacts): boolean {
  return facts.context !== null && !isBlank(facts.userId) && notOwnerReason(facts) === undefined;
}

function notOwnerReason({ context }: RowFacts): string | undefined {
  if (context === null) return 'context_missing';
  if (context.agentUrl === null) return 'no_agent_url';
  if (context.isMember && context.listsAgent) return undefined;
  if (context.listsAgent) return 'not_a_member';
  return context.isMember ? 'agent_not_listed' : 'not_a_member,agent_not_listed';
}

/** `history_cdc.is_blank` states the same in SQL, because `reconcile` shares no code with the rule. */
function isBlank(userId: string | null): boolean {
  return userId === null || userId.trim() === '';
}
