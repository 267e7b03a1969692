-- Runs of strangers whose user is a member of the context's organisation by now; whether that makes an owner, the
-- look-up says.
-- $1 the grace window in seconds
SELECT l.legacy_id, l.agent_context_id, l.user_id,
       l.decided_at >= clock_timestamp() - $1::integer * interval '1 second' AS young
FROM history_cdc.ledger l
JOIN public.agent_contexts c ON c.id = l.agent_context_id
JOIN public.organization_memberships m
  ON m.workos_user_id = l.user_id AND m.workos_organization_id = c.organization_id
WHERE l.decision = 'third_party' AND l.source_deleted_at IS NULL
ORDER BY l.legacy_id
