import type { Client } from '../../lib/postgres.ts';
import { isOwner } from '../../consumers/agent-test-history/rule/classify.ts';
import { isAlias } from '../forget/alias.ts';
import { lookUp } from '../../consumers/agent-test-history/lookup/lookup.ts';
import type { RowFacts } from '../../consumers/agent-test-history/rule/row-facts.ts';
import { EVERY_ROW } from './today.ts';
import type { LegacyRowNow, LookUp, LookUps } from './report.ts';

const FIELDS = [
  'agent_context_id',
  'user_id',
  'organization_id',
  'agent_url',
  'is_member',
  'lists_agent',
  'opted_out',
  'lifecycle_stage',
] as const satisfies (keyof LookUp)[];

interface Looked {
  readonly legacyId: string;
  readonly row: LegacyRowNow | null;
  /** The look-ups that the ledger recorded; null if there is no decision, or if it does not depend on look-ups. */
  readonly then: LookUp | null;
}

/**
 * The look-ups at the decision beside today's, through the projector's own look-up: for the context and user of the
 * legacy row, or of the ledger if the legacy row is gone. Undefined if neither has a context.
 */
export async function lookUps(client: Client, { legacyId, row, then }: Looked): Promise<LookUps | undefined> {
  const { agent_context_id: agentContextId, user_id: userId } = row ?? then ?? {};
  if (agentContextId == null) return undefined;
  const [facts] = await lookUp(
    client,
    [{ legacyId, agentContextId, userId: userId ?? null, startedAt: row?.started_at }],
    EVERY_ROW,
  );
  if (facts === undefined) return undefined;
  const now = nowOf(facts, agentContextId);
  return {
    then,
    now: {
      ...now,
      context_known: facts.context !== null,
      owner: isOwner(facts),
      script_copies: facts.scriptCopies,
    },
    changed:
      then === null
        ? []
        : FIELDS.filter(
            (field) => then[field] !== now[field] && !(field === 'user_id' && isAlias(then[field])),
          ),
  };
}

function nowOf({ context, userId }: RowFacts, agentContextId: string): LookUp {
  return {
    agent_context_id: agentContextId,
    user_id: userId,
    organization_id: context?.organizationId ?? null,
    agent_url: context?.agentUrl ?? null,
    is_member: context?.isMember ?? null,
    lists_agent: context?.listsAgent ?? null,
    opted_out: context?.optedOut ?? null,
    lifecycle_stage: context?.lifecycleStage ?? null,
  };
}
