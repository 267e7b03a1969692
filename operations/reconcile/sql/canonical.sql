-- Canonical rows that say they stand for a legacy row, ours and the earlier script's, against the ledger.
-- $1 the run, $2 and $3 the rows
WITH compared AS MATERIALIZED (
  SELECT t.id, t.observations_json ->> 'backfill_script' IS NOT DISTINCT FROM 'history-cdc' AS is_ours,
         t.observations_json ->> 'backfill_source' IS NOT DISTINCT FROM 'agent_test_history' AS is_copy,
         CASE WHEN t.observations_json ->> 'backfill_source_id' COLLATE "C" ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
           THEN (t.observations_json ->> 'backfill_source_id')::uuid END AS source_id
  FROM public.agent_compliance_runs t
  WHERE {{rows}}
),
standing AS MATERIALIZED (
  SELECT c.id, c.is_ours, c.source_id, l.decision, l.canonical_run_id AS other_id,
         coalesce(l.canonical_run_id = c.id, false) AS is_link, linked.decision IS NOT NULL AS is_linked,
         l.canonical_run_id <> c.id AND other.id IS NOT NULL AS has_other,
         coalesce(other.observations_json ->> 'backfill_source' = 'agent_test_history', false)
           AND other.observations_json ->> 'backfill_script' IS DISTINCT FROM 'history-cdc' AS other_is_script
  FROM compared c
  LEFT JOIN LATERAL (SELECT * FROM history_cdc.ledger l WHERE l.legacy_id = c.source_id LIMIT 1) l ON true
  LEFT JOIN LATERAL (
    SELECT * FROM history_cdc.ledger o WHERE o.canonical_run_id = c.id AND NOT coalesce(l.canonical_run_id = c.id, false) LIMIT 1
  ) linked ON true
  LEFT JOIN LATERAL (
    SELECT * FROM public.agent_compliance_runs r WHERE r.id = l.canonical_run_id AND r.id <> c.id LIMIT 1
  ) other ON true
  WHERE c.is_ours OR c.is_copy
),
found AS (
  SELECT 'foreign' AS kind, s.source_id AS legacy_id, s.id AS canonical_run_id, '{}'::text[] AS fields, '' AS version
  FROM standing s
  WHERE s.is_ours AND NOT s.is_link AND NOT s.is_linked
  UNION ALL
  SELECT CASE WHEN s.is_ours THEN 'elevated' ELSE 'script_elevated' END, s.source_id, s.id, ARRAY[s.decision], ''
  FROM standing s
  WHERE s.decision IN ('third_party', 'anonymous')
  UNION ALL
  SELECT CASE WHEN s.is_ours OR NOT s.other_is_script THEN 'doubled' ELSE 'script_doubled' END, s.source_id, s.id, ARRAY[s.decision], ''
  FROM standing s
  WHERE s.has_other
),
