-- Looks up the facts about a batch of legacy rows: the ledger's decision, what `undo` took back, the context, whether
-- the user owns its agent, the agent's registry entry, and the earlier script's copies. Returns one row per legacy row,
-- in the order given. Ownership is looked up here only: for snapshot rows, streamed rows, and every command that
-- predicts or checks a decision. $1 legacy ids, $2 context ids, $3 user ids, $4 true if the event left the user id out
WITH event AS MATERIALIZED (
  SELECT e.n, e.legacy_id, e.agent_context_id,
         CASE WHEN e.user_left_out THEN l.user_id ELSE e.user_id END AS user_id,
         l.decision, l.reason, l.canonical_run_id, l.topic_id, l.partition, l."offset",
         l.agent_context_id AS decided_context_id,
         -- A forgotten user equals the alias that the ledger has, so the row does not count as moved.
         CASE WHEN f.alias = l.user_id THEN e.user_id ELSE l.user_id END AS decided_user_id, l.agent_url AS decided_agent_url,
         l.started_at::text AS decided_started_at, l.source_deleted_at IS NOT NULL AS source_deleted,
         extract(epoch FROM clock_timestamp() - l.decided_at)::float8 AS decided_seconds_ago
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::boolean[])
         WITH ORDINALITY AS e (legacy_id, agent_context_id, user_id, user_left_out, n)
  -- One look-up by key per row. A join with the whole ledger would take longer as the ledger grows.
  LEFT JOIN LATERAL (SELECT * FROM history_cdc.ledger l WHERE l.legacy_id = e.legacy_id LIMIT 1) l ON true
  LEFT JOIN history_cdc.forgotten_user f
    ON f.user_hash = sha256((SELECT k.key FROM history_cdc.forgotten_key k) || convert_to(e.user_id, 'UTF8'))
),
context AS MATERIALIZED (
  SELECT c.id, c.organization_id::text AS organization_id, c.agent_url::text AS original_agent_url,
         history_cdc.canonical_agent_url(c.agent_url) AS agent_url
  FROM public.agent_contexts c
  WHERE c.id IN (SELECT agent_context_id FROM event)
),
listed AS MATERIALIZED (
  SELECT DISTINCT p.workos_organization_id::text AS organization_id, agent.agent_url
  FROM public.member_profiles p
  CROSS JOIN LATERAL history_cdc.listed_agents(p.agents) AS agent
  WHERE p.workos_organization_id IN (SELECT organization_id FROM context)
),
-- The registry may have an agent under several spellings. An opt-out under any of them counts; the stage comes from the
-- canonical spelling. The canonical spelling is found by its key. To find the others, the whole registry is read, but
-- only texts that match the pattern go through `canonical_agent_url`: printable ASCII without capitals and without a
-- slash at its end is canonical already, or names no agent. With 20,000 agents, the pattern costs 8 ms per batch; the
-- function alone would cost 23 ms.
spelling AS MATERIALIZED (
  SELECT r.agent_url AS canonical_url, r.agent_url::text AS agent_url, r.compliance_opt_out, r.lifecycle_stage
  FROM public.agent_registry_metadata r
  WHERE r.agent_url IN (SELECT agent_url FROM context)
  UNION ALL
  SELECT other.canonical_url, other.agent_url, other.compliance_opt_out, other.lifecycle_stage
  FROM (
    SELECT history_cdc.canonical_agent_url(r.agent_url) AS canonical_url, r.agent_url::text AS agent_url,
           r.compliance_opt_out, r.lifecycle_stage
    FROM public.agent_registry_metadata r
    WHERE r.agent_url COLLATE "C" ~ '[^!-@[-~]|/$'
  ) AS other
  WHERE other.canonical_url IN (SELECT agent_url FROM context)
),
registered AS MATERIALIZED (
  SELECT s.canonical_url AS agent_url, bool_or(coalesce(s.compliance_opt_out, false)) AS opted_out,
         (array_agg(s.lifecycle_stage::text ORDER BY s.agent_url <> s.canonical_url, s.agent_url COLLATE "C"))[1] AS lifecycle_stage
  FROM spelling s
  GROUP BY s.canonical_url
),
copied AS MATERIALIZED (
  SELECT s.legacy_id, array_agg(s.canonical_run_id ORDER BY s.canonical_run_id) AS run_ids
  FROM history_cdc.script_copy s
  JOIN public.agent_compliance_runs r ON r.id = s.canonical_run_id
  WHERE s.legacy_id IN (SELECT legacy_id FROM event)
  GROUP BY s.legacy_id
),
-- One scan per batch. The table is empty except between an `undo` and the replay that follows it.
undone AS MATERIALIZED (
  SELECT u.legacy_id, u.ledger ->> 'agent_url' AS agent_url, u.ledger ->> 'fingerprint' AS fingerprint,
         u.tested_at::text AS started_at
  FROM history_cdc.undone u
  WHERE u.legacy_id = ANY ($1::uuid[])
)
SELECT e.decision, e.reason, e.canonical_run_id, e.topic_id, e.partition, e."offset",
       e.decided_context_id, e.decided_user_id, e.decided_agent_url, e.decided_started_at, e.source_deleted,
       e.decided_seconds_ago, e.user_id,
       CASE WHEN unsettled.legacy_id IS NOT NULL THEN unsettled.agent_url IS NOT NULL END AS unsettled_has_run,
       run.id IS NOT NULL AS run_exists,
       context.id IS NOT NULL AS context_known, context.organization_id, context.original_agent_url, context.agent_url,
       member.workos_user_id IS NOT NULL AS is_member,
       listed.agent_url IS NOT NULL AS lists_agent,
       coalesce(registered.opted_out, false) AS opted_out,
       coalesce(registered.lifecycle_stage, 'production') AS lifecycle_stage,
       coalesce(copied.run_ids, '{}'::uuid[]) AS script_copies,
       EXISTS (SELECT FROM history_cdc.quarantine q WHERE q.legacy_id = e.legacy_id AND q.healed_at IS NULL)
         AS has_open_quarantine,
       EXISTS (
         SELECT FROM history_cdc.key_change k
         WHERE k.moved_at IS NULL AND (k.new_id = e.legacy_id OR (k.old_id = e.legacy_id AND k.deleted_offset IS NOT NULL))
       ) AS awaits_key_change,
       undone.legacy_id IS NOT NULL AS is_undone, undone.agent_url AS undone_agent_url,
       undone.fingerprint AS undone_fingerprint, undone.started_at AS undone_started_at
FROM event e
LEFT JOIN context ON context.id = e.agent_context_id
LEFT JOIN public.organization_memberships member
  ON member.workos_user_id = e.user_id AND member.workos_organization_id = context.organization_id
LEFT JOIN listed ON listed.organization_id = context.organization_id AND listed.agent_url = context.agent_url
LEFT JOIN registered ON registered.agent_url = context.agent_url
LEFT JOIN copied ON copied.legacy_id = e.legacy_id
LEFT JOIN undone ON undone.legacy_id = e.legacy_id
LEFT JOIN public.agent_compliance_runs run ON run.id = e.canonical_run_id
LEFT JOIN history_cdc.unsettled_twin unsettled ON e.decision = 'twin' AND unsettled.legacy_id = e.legacy_id
ORDER BY e.n
