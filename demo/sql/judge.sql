-- Judges every legacy row that was ever written, one row each in demo.judged. Nothing here is shared with the
-- projector: the rules are written down a second time, from the application's tables as they are now and from what
-- the generator and the writer noted.
--
-- decision_now says what the tables of now lead to. Of the live rows that look like a run it asks only whether the
-- linked one does, or one that is linked to no other run: which of several belongs to it is known by construction.

-- The agent URL as the application compares it; NULL where it names no agent.
CREATE OR REPLACE FUNCTION demo.plain_url(url text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  white CONSTANT text := E' \t\n\u000B\f\r\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000\uFEFF';
  plain text := lower(trim(BOTH white FROM url));
BEGIN
  WHILE right(plain, 1) = '/' LOOP
    plain := left(plain, -1);
  END LOOP;
  RETURN CASE WHEN plain <> '' AND translate(plain, white, '') = plain AND plain !~ '[\u0001-\u001F\u007F-\u009F*]' THEN plain END;
END $$;

DROP TABLE IF EXISTS demo.judged;
CREATE TABLE demo.judged AS
WITH image AS (
  SELECT *, true AS living, pg_column_size(agent_profile_json) > 8000 AS large FROM agent_test_history
  UNION ALL
  SELECT *, false, pg_column_size(agent_profile_json) > 8000 FROM demo.deleted_row
), listed AS MATERIALIZED (
  SELECT DISTINCT workos_organization_id AS organization_id, demo.plain_url(agent ->> 'url') AS url
  FROM member_profiles, jsonb_path_query(agents, 'strict $[*] ? (@.type() == "object" && @.url.type() == "string")', '{}', true) AS agent
), registered AS MATERIALIZED (
  SELECT demo.plain_url(agent_url) AS url, lifecycle_stage, compliance_opt_out FROM agent_registry_metadata
), context_now AS MATERIALIZED (
  SELECT c.id, c.organization_id, c.url, l.url IS NOT NULL AS listed, coalesce(r.compliance_opt_out, false) AS opted_out
  FROM (SELECT id, organization_id, demo.plain_url(agent_url) AS url FROM agent_contexts) AS c
       LEFT JOIN listed l ON l.organization_id = c.organization_id AND l.url = c.url
       LEFT JOIN registered r ON r.url = c.url
), context_shown AS MATERIALIZED (
  SELECT c.id, c.organization_id, c.url, coalesce(r.lifecycle_stage, 'production') AS stage,
         CASE WHEN c.agent_url <> c.url THEN jsonb_build_object('original_agent_url', c.agent_url) ELSE '{}' END AS original
  FROM (SELECT id, organization_id, agent_url, demo.plain_url(agent_url) AS url FROM demo.context) AS c
       LEFT JOIN registered r ON r.url = c.url
), copies AS MATERIALIZED (
  SELECT (observations_json ->> 'backfill_source_id')::uuid AS legacy_id,
         count(*) FILTER (WHERE observations_json ->> 'backfill_script' = 'history-cdc') AS ours,
         min(id::text) FILTER (WHERE observations_json ->> 'backfill_script' = 'backfill-owner-test-history') AS first_by_script
  FROM agent_compliance_runs WHERE observations_json ->> 'backfill_source' = 'agent_test_history'
  GROUP BY 1
), live AS MATERIALIZED (
  SELECT id, agent_url, headline, nullif(total_duration_ms, 0) AS took_ms, overall_status = 'passing' AS passed, triggered_org_id,
         nullif(agent_profile_json, 'null') AS profile, extract(epoch FROM tested_at) AS at
  FROM agent_compliance_runs
  WHERE triggered_by = 'owner_test' AND observations_json ->> 'backfill_source' IS DISTINCT FROM 'agent_test_history'
), alike AS MATERIALIZED (
  SELECT DISTINCT i.id
  FROM image i
       JOIN context_now n ON n.id = i.agent_context_id
       JOIN live v ON v.agent_url = n.url AND v.passed = i.overall_passed
       LEFT JOIN history_cdc.ledger l ON l.canonical_run_id = v.id
  WHERE v.headline IS NOT DISTINCT FROM i.summary AND v.took_ms IS NOT DISTINCT FROM nullif(i.total_duration_ms, 0)
    AND coalesce(v.triggered_org_id, n.organization_id) = n.organization_id
    AND abs(v.at - extract(epoch FROM i.started_at)) <= 120
    AND coalesce(v.profile = nullif(i.agent_profile_json, 'null'), v.headline IS NOT NULL OR v.took_ms IS NOT NULL)
    AND coalesce(l.legacy_id = i.id, true)
)
SELECT e.legacy_id, e.decisions, e.settled, e.origin, e.path, e.live_run_id, e.hard_case, e.pair_group, e.story, i.living, coalesce(i.large, false) AS large,
       l.decision, l.reason, l.canonical_run_id, l.source_deleted_at IS NOT NULL AS marked_deleted,
       coalesce(c.ours, 0) AS ours, c.first_by_script, r.id IS NOT NULL AS run_exists,
       CASE
         WHEN i.user_id IS NULL OR i.user_id !~ '\S' THEN 'anonymous'
         WHEN n.listed IS NOT TRUE OR m.id IS NULL THEN 'third_party'
         WHEN c.first_by_script IS NOT NULL THEN 'adopted'
         WHEN k.id IS NOT NULL THEN 'twin'
         WHEN n.opted_out THEN 'opted_out'
         ELSE 'projected'
       END AS decision_now,
       (r.agent_url, r.lifecycle_stage, r.overall_status, r.headline, r.total_duration_ms, r.tested_at, r.tracks_json::text,
        r.tracks_passed, r.tracks_failed, r.tracks_skipped, r.tracks_partial, r.agent_profile_json::text,
        r.triggered_by, r.dry_run, r.triggered_org_id, r.notices_json, r.requested_compliance_target, r.adcp_version)
       IS NOT DISTINCT FROM
       (s.url, s.stage, CASE WHEN i.overall_passed THEN 'passing' ELSE 'failing' END, i.summary, i.total_duration_ms, i.started_at, '[]',
        i.steps_passed, i.steps_failed, 0, 0, i.agent_profile_json::text,
        'owner_test', i.dry_run IS NOT FALSE, s.organization_id, NULL::jsonb, NULL::text, NULL::text)
       AND (r.observations_json
            IS NOT DISTINCT FROM
            jsonb_build_object('backfill_source', 'agent_test_history', 'backfill_source_id', e.legacy_id, 'original_scenario', i.scenario,
                               'backfill_user_id', i.user_id, 'backfill_org_id', s.organization_id, 'backfill_script', 'history-cdc') || s.original
            || coalesce(v.verdicts, '{}')
            -- What the earlier script wrote is not ours to improve.
            OR l.decision = 'adopted' AND r.observations_json ->> 'backfill_source_id' = e.legacy_id::text) AS content_equal
FROM demo.expected e
     LEFT JOIN image i ON i.id = e.legacy_id
     LEFT JOIN history_cdc.ledger l ON l.legacy_id = e.legacy_id
     LEFT JOIN agent_compliance_runs r ON r.id = l.canonical_run_id
     LEFT JOIN copies c ON c.legacy_id = e.legacy_id
     LEFT JOIN alike k ON k.id = e.legacy_id
     LEFT JOIN context_now n ON n.id = i.agent_context_id
     LEFT JOIN organization_memberships m ON m.workos_user_id = i.user_id AND m.workos_organization_id = n.organization_id
     LEFT JOIN context_shown s ON s.id = e.context_id
     -- The generator's runs list one step an entry, of the storyboard that stands before the slash.
     LEFT JOIN LATERAL (
       SELECT jsonb_build_object('storyboards', jsonb_agg(jsonb_build_object(
                'storyboard_id', storyboard, 'steps_passed', passed, 'steps_total', steps,
                'status', CASE passed WHEN steps THEN 'passing' WHEN 0 THEN 'failing' ELSE 'partial' END) ORDER BY first)) AS verdicts
       FROM (SELECT split_part(step ->> 'scenario', '/', 1) AS storyboard, count(*) AS steps,
                    count(*) FILTER (WHERE (step ->> 'passed')::boolean) AS passed, min(n) AS first
             FROM jsonb_array_elements(i.steps_json) WITH ORDINALITY AS listed (step, n) GROUP BY 1) AS rolled_up
       HAVING count(*) > 0
     ) AS v ON true;
