import type { Safeguard } from '../mutant.ts';

export const OWNERSHIP: Safeguard = {
  name: 'Ownership',
  mutants: [
    {
      id: 'membership',
      breaks:
        'a stranger’s run on a listed agent is taken for an owner’s: only the ledger refuses, and it lies in quarantine',
      at: 'classify.ts',
      find: 'if (context.isMember && context.listsAgent) return undefined;',
      replace: 'if (context.listsAgent) return undefined;',
      by: 'projector/ownership.pg.test.ts',
    },
    {
      id: 'listing',
      breaks: 'the same, for a member’s run on an agent that the organisation does not list',
      at: 'classify.ts',
      find: 'if (context.isMember && context.listsAgent) return undefined;',
      replace: 'if (context.isMember) return undefined;',
      by: 'projector/ownership.pg.test.ts',
    },
    {
      id: 'listing-of-its-organisation',
      breaks: 'another organisation’s profile makes an owner',
      at: 'sql/lookup.sql',
      find: 'LEFT JOIN listed ON listed.organization_id = context.organization_id AND listed.agent_url = context.agent_url',
      replace: 'LEFT JOIN listed ON listed.agent_url = context.agent_url',
      by: 'projector/ownership.pg.test.ts',
    },
    {
      id: 'listing-by-text',
      breaks: 'a number in a profile lists an agent',
      at: 'migrations/0004-listed-agents.sql',
      find: "AND jsonb_typeof(agent.entry -> 'url') = 'string'",
      replace: '',
      by: 'projector/ownership.pg.test.ts',
    },
    {
      id: 'canonical-listing',
      breaks: 'an owner whose profile spells the agent otherwise is taken for a stranger: the run is lost',
      at: 'migrations/0004-listed-agents.sql',
      find: "history_cdc.canonical_agent_url(agent.entry ->> 'url')",
      replace: "(agent.entry ->> 'url')",
      by: 'projector/ownership.pg.test.ts',
    },
    {
      id: 'canonical-context',
      breaks: 'the same, for the spelling of the context',
      at: 'sql/lookup.sql',
      find: 'history_cdc.canonical_agent_url(c.agent_url) AS agent_url',
      replace: 'c.agent_url::text AS agent_url',
      by: 'projector/ownership.pg.test.ts',
    },
    {
      id: 'canonical-registry',
      breaks: 'an opt-out under another spelling is not respected',
      at: 'sql/lookup.sql',
      find: 'history_cdc.canonical_agent_url(r.agent_url) AS canonical_url',
      replace: 'r.agent_url::text AS canonical_url',
      by: 'projector/decisions.pg.test.ts',
    },
    {
      id: 'no-agent',
      breaks: 'a wildcard is an agent, which somebody owns',
      at: 'migrations/0001-ledger.sql',
      find: '\\FEFF*].*$',
      replace: '\\FEFF].*$',
      by: 'projector/ownership.pg.test.ts',
    },
    {
      id: 'anonymous',
      breaks: 'a run without a user is decided by whoever is a member under a blank name',
      at: 'classify.ts',
      find: "if (isBlank(row.userId)) return { decision: 'anonymous', reason: 'no_user_id' };",
      replace: '',
      by: 'projector/ownership.pg.test.ts',
    },
    {
      id: 'blank-user',
      breaks: 'a blank user id is taken for a user',
      at: 'classify.ts',
      find: "return userId === null || userId.trim() === '';",
      replace: "return userId === null || userId === '';",
      by: 'projector/ownership.pg.test.ts',
    },
    {
      id: 'stranger-before-copy',
      breaks: 'the script’s copy of a stranger’s run is adopted, and stays an owner’s for ever',
      at: 'classify.ts',
      find: 'if (notOwner !== undefined) {',
      replace: 'if (notOwner !== undefined && scriptCopies.length === 0) {',
      by: 'projector/decisions.pg.test.ts',
    },
    {
      id: 'moved-away',
      breaks:
        'a run that was moved to a stranger’s agent asks to take its canonical row along: only the ledger refuses',
      at: 'decide.ts',
      find: "if (isOwner(facts)) return { ...common, reason: 'owner', applies: true, follows: true };",
      replace:
        "if (isOwner(facts) || id !== '') return { ...common, reason: 'owner', applies: true, follows: true };",
      by: 'projector/moved.pg.test.ts',
    },
  ],
};

export const LATE_OWNERSHIP: Safeguard = {
  name: 'A membership that comes late',
  mutants: [
    {
      id: 'grace',
      breaks: 'a new member’s old runs are taken for an owner’s, however old',
      at: 'sweep/sql/late-owners.sql',
      find: "l.decided_at >= clock_timestamp() - $1::integer * interval '1 second' AS young",
      replace: '$1::integer IS NOT NULL AS young',
      by: 'projector/late-owners.pg.test.ts',
    },
    {
      id: 'late-by-the-rule',
      breaks: 'a membership alone is reported as ownership, though nobody lists the agent',
      at: 'sweep/sql/late-owners.sql',
      find: 'AND listed.agent_url = history_cdc.canonical_agent_url(c.agent_url)',
      replace: '',
      by: 'projector/late-owners.pg.test.ts',
    },
    {
      id: 'late-and-still-owner',
      breaks: 'who is no owner any more once the lock is there is decided and counted as one that flipped',
      at: 'sweep/decide-again.ts',
      find: "return effect?.effect === 'record' && effect.decision !== known?.entry?.decision ? [effect] : [];",
      replace: "return effect?.effect === 'record' ? [effect] : [];",
      by: 'projector/sweep-turns.pg.test.ts',
    },
    {
      id: 'late-and-still-stranger',
      breaks:
        'a run that got another decision before the lock was there counts as one that flipped: only the statement refuses',
      at: 'sweep/sql/decided-events.sql',
      find: 'AND decision = ANY ($2::text[]) AND source_deleted_at IS NULL',
      replace: 'AND $2::text[] IS NOT NULL AND source_deleted_at IS NULL',
      by: 'projector/sweep-turns.pg.test.ts',
    },
    {
      id: 'late-and-still-there',
      breaks: 'a run that was deleted before the lock was there is brought back',
      at: 'sweep/sql/decided-events.sql',
      find: 'AND decision = ANY ($2::text[]) AND source_deleted_at IS NULL',
      replace: 'AND decision = ANY ($2::text[])',
      by: 'projector/sweep-turns.pg.test.ts',
    },
  ],
};
