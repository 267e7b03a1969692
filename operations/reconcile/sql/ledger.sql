-- Rows of the ledger against the legacy table (is the row still there?), against the canonical table (does the link
-- lead to what the decision says?), and against the dimensions as they are now (is the user an owner?).
-- $1 the run, $2 and $3 the rows, $4 after how many days retention prunes canonical rows (NULL: never), $5 the match
-- window in microseconds
WITH compared AS MATERIALIZED (
  SELECT t.legacy_id AS id, t.* FROM history_cdc.ledger t WHERE {{rows}}
),
linked AS MATERIALIZED (
  SELECT e.legacy_id, e.decision, e.canonical_run_id, e.agent_url, e.started_at, r.id IS NOT NULL AS exists,
         r.triggered_by, r.agent_url AS run_agent_url, r.observations_json ->> 'backfill_source' AS source,
         r.observations_json ->> 'backfill_source_id' AS source_id, r.observations_json ->> 'backfill_script' AS script,
         e.fingerprint, e.profile_hash, e.organization_id, r.triggered_org_id, r.tested_at, look.*
  FROM compared e
  LEFT JOIN LATERAL (SELECT * FROM public.agent_compliance_runs r WHERE r.id = e.canonical_run_id LIMIT 1) r ON true
  -- How the live row looks, in the form in which the ledger recorded how the legacy row looked when the two were linked.
  LEFT JOIN LATERAL (
    SELECT md5(CASE WHEN r.overall_status = 'passing' THEN 'passing ' ELSE 'other ' END
               || coalesce(nullif(r.total_duration_ms, 0)::text, '') || coalesce(' =' || r.headline, ''))::uuid AS run_look,
           r.headline IS NULL AND nullif(r.total_duration_ms, 0) IS NULL AS is_weak,
           CASE WHEN jsonb_typeof(r.agent_profile_json) <> 'null' THEN md5(r.agent_profile_json::text)::uuid END AS run_profile
  ) AS look ON e.decision = 'twin'
  WHERE e.canonical_run_id IS NOT NULL
),
context AS MATERIALIZED (
  SELECT c.id, c.organization_id::text AS organization_id, history_cdc.canonical_agent_url(c.agent_url) AS agent_url
  FROM public.agent_contexts c
  WHERE c.id IN (SELECT agent_context_id FROM compared WHERE decision NOT IN ('anonymous', 'gone', 'quarantined'))
),
-- Only a JSON object with a string url, in an array, lists an agent.
listed AS MATERIALIZED (
  SELECT DISTINCT p.workos_organization_id::text AS organization_id, history_cdc.canonical_agent_url(a.entry ->> 'url') AS agent_url
  FROM public.member_profiles p
  CROSS JOIN LATERAL jsonb_array_elements(
    CASE WHEN jsonb_typeof(p.agents) = 'array' THEN p.agents ELSE '[]' END) AS a (entry)
  WHERE p.workos_organization_id IN (SELECT organization_id FROM context)
    AND jsonb_typeof(a.entry) = 'object' AND jsonb_typeof(a.entry -> 'url') = 'string'
),
-- Where the context is gone nobody can say who owned the agent: no row.
ownership AS MATERIALIZED (
  SELECT e.legacy_id, e.decision, e.canonical_run_id, e.is_member IS TRUE AND e.lists_agent IS TRUE AS owner_then,
         m.workos_user_id IS NOT NULL AND l.agent_url IS NOT NULL AND NOT history_cdc.is_blank(e.user_id) AS owner_now,
         e.user_id LIKE 'forgotten:%' IS TRUE AS is_forgotten
  FROM compared e
  JOIN context c ON c.id = e.agent_context_id
  LEFT JOIN listed l ON l.organization_id = c.organization_id AND l.agent_url = c.agent_url
  LEFT JOIN public.organization_memberships m
    ON m.workos_user_id = e.user_id AND m.workos_organization_id = c.organization_id
  WHERE e.source_deleted_at IS NULL OR e.canonical_run_id IS NOT NULL
),
-- Whether the link leads to a row of the kind, the run and the agent that the decision names.
fitting AS MATERIALIZED (
  SELECT l.*, coalesce(CASE l.decision
    WHEN 'projected' THEN l.script = 'history-cdc' AND lower(l.source_id COLLATE "C") = l.legacy_id::text
    WHEN 'adopted' THEN l.source = 'agent_test_history' AND l.script IS DISTINCT FROM 'history-cdc'
                        AND (lower(l.source_id COLLATE "C") = l.legacy_id::text OR EXISTS (
                          -- The keys that the row had before, one change after the other.
                          WITH RECURSIVE earlier (id) AS (
                            SELECT k.old_id FROM history_cdc.key_change k
                            WHERE k.new_id = l.legacy_id AND k.moved_at IS NOT NULL
                            UNION
                            SELECT k.old_id FROM earlier e
                            JOIN history_cdc.key_change k ON k.new_id = e.id AND k.moved_at IS NOT NULL)
                          SELECT FROM earlier WHERE earlier.id::text = lower(l.source_id COLLATE "C")))
    WHEN 'twin' THEN l.triggered_by = 'owner_test' AND l.source IS DISTINCT FROM 'agent_test_history'
                     AND (l.run_agent_url = l.agent_url OR history_cdc.canonical_agent_url(l.run_agent_url) = l.agent_url)
  END, false) AS fits
  FROM linked l
  WHERE l.exists
),
-- A twin is compared with what its link was made by: the legacy row may have changed legitimately since.
mislinked AS (
  SELECT l.legacy_id, l.canonical_run_id, array_remove(ARRAY[
    CASE WHEN l.run_look IS DISTINCT FROM l.fingerprint THEN 'fingerprint' END,
    CASE WHEN l.run_profile <> l.profile_hash OR l.is_weak AND num_nulls(l.run_profile, l.profile_hash) > 0
      THEN 'agent_profile_json' END,
    CASE WHEN l.triggered_org_id <> coalesce(l.organization_id, '') THEN 'triggered_org_id' END,
    CASE WHEN (l.tested_at BETWEEN l.started_at - $5::bigint * interval '1 microsecond'
                               AND l.started_at + $5::bigint * interval '1 microsecond') IS NOT TRUE THEN 'tested_at' END
  ], NULL) AS fields
  FROM fitting l
  WHERE l.decision = 'twin' AND l.fits
),
found AS (
  SELECT CASE WHEN EXISTS (
           SELECT FROM history_cdc.truncated x
           JOIN history_cdc.topic its ON its.topic_id = x.topic_id
           JOIN history_cdc.topic mine ON mine.topic_id = e.topic_id
           -- A truncate waits for every transaction that has written to the table, and every later one waits for it: what
           -- the stream brought with a lower LSN was written before. A topic holds nothing of what is in a newer one.
           WHERE CASE WHEN mine.topic_id <> its.topic_id THEN mine.first_seen < its.first_seen
                      ELSE e.lsn < x.lsn OR (e.partition = x.partition AND e."offset" < x."offset") END
         ) THEN 'truncated' ELSE 'vanished' END AS kind, e.legacy_id, e.canonical_run_id, '{}'::text[] AS fields,
         concat_ws(' ', e.topic_id, e.partition, e."offset") AS version
  FROM compared e
  WHERE e.source_deleted_at IS NULL AND {{is_gone}}
  UNION ALL
  SELECT CASE WHEN l.started_at < clock_timestamp() - $4::integer * interval '1 day' THEN 'pruned' ELSE 'missing' END,
         l.legacy_id, l.canonical_run_id, ARRAY[l.decision], ''
  FROM linked l
  WHERE NOT l.exists
    AND NOT EXISTS (SELECT FROM history_cdc.pruned p WHERE p.canonical_run_id = l.canonical_run_id)
  UNION ALL
  SELECT 'dangling', l.legacy_id, l.canonical_run_id, ARRAY[l.decision], '' FROM fitting l WHERE NOT l.fits
  UNION ALL
  SELECT 'mislinked', m.legacy_id, m.canonical_run_id, m.fields, '' FROM mislinked m WHERE m.fields <> '{}'
  UNION ALL
  SELECT CASE WHEN o.owner_then THEN 'owner_then' ELSE 'elevated' END, o.legacy_id, o.canonical_run_id, ARRAY[o.decision], ''
  FROM ownership o
  -- Of a user who was forgotten nobody can say what the user is now.
  WHERE o.canonical_run_id IS NOT NULL AND NOT o.owner_now AND NOT (o.owner_then AND o.is_forgotten)
  UNION ALL
  SELECT 'owner_by_now', o.legacy_id, NULL, ARRAY[o.decision], ''
  FROM ownership o
  WHERE o.decision IN ('third_party', 'orphaned') AND o.owner_now
),
