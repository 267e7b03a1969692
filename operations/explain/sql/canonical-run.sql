-- A canonical row, who wrote it, and the legacy row that the ledger links to it. Of its JSON only the size is returned.
-- $1: the id
SELECT r.id,
       CASE WHEN r.observations_json ->> 'backfill_script' = 'history-cdc' THEN 'ours'
            WHEN r.observations_json ->> 'backfill_source' = 'agent_test_history' THEN 'script'
            WHEN history_cdc.is_live_run(r.triggered_by, r.observations_json) THEN 'live'
            ELSE 'other' END AS whose,
       r.agent_url::text AS agent_url, history_cdc.canonical_agent_url(r.agent_url) AS canonical_agent_url,
       r.lifecycle_stage::text AS lifecycle_stage, r.overall_status::text AS overall_status, r.headline,
       r.total_duration_ms, r.tested_at::text AS tested_at, r.tracks_passed, r.tracks_failed, r.triggered_by::text AS triggered_by,
       r.dry_run, r.triggered_org_id::text AS triggered_org_id,
       octet_length(r.agent_profile_json::text) AS agent_profile_bytes,
       octet_length(r.observations_json::text) AS observations_bytes,
       history_cdc.profile_hash(r.agent_profile_json) AS profile_hash,
       CASE WHEN r.observations_json ->> 'backfill_source' = 'agent_test_history'
             AND r.observations_json ->> 'backfill_source_id' COLLATE "C" ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
            THEN lower(r.observations_json ->> 'backfill_source_id' COLLATE "C") END AS source_legacy_id,
       (SELECT l.legacy_id FROM history_cdc.ledger l WHERE l.canonical_run_id = r.id) AS linked_legacy_id
FROM public.agent_compliance_runs r
WHERE r.id = $1::uuid
