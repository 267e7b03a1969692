-- Writes the live rows of runs $1, those that have one, as the application's live path does, and notes a hash of each.
WITH drawn AS MATERIALIZED (
  SELECT l.id, l.change, a.url AS agent_url, coalesce(a.stage, 'production') AS lifecycle_stage,
         CASE WHEN i.overall_passed THEN 'passing' WHEN i.content_n % 3 = 0 THEN 'partial' ELSE 'failing' END AS overall_status,
         i.summary AS headline,
         -- The legacy table stores 0 as NULL; here either may stand.
         CASE WHEN i.total_duration_ms IS NULL AND i.content_n % 2 = 0 THEN 0 ELSE i.total_duration_ms END AS total_duration_ms,
         t.tested_at, '[{"track": "core", "status": "done"}]'::jsonb AS tracks_json,
         i.steps_passed - c.adjusted AS tracks_passed, i.steps_failed AS tracks_failed, c.adjusted AS tracks_skipped, 0 AS tracks_partial,
         i.agent_profile_json, CASE WHEN i.content_n % 3 = 1 THEN '{"note": "live"}'::jsonb END AS observations_json,
         'owner_test' AS triggered_by, false AS dry_run,
         CASE WHEN t.tested_at >= demo.organisation_noted_since() THEN x.organization_id END AS triggered_org_id, '2.1' AS adcp_version
  FROM demo.live_run l
       JOIN demo.image i ON i.n = l.n
       JOIN demo.context x ON x.id = i.context_id
       JOIN demo.agent a ON a.n = i.agent_n
       CROSS JOIN LATERAL (SELECT coalesce(l.tested_at, clock_timestamp()) AS tested_at) AS t
       -- One in ten has its counts adjusted.
       CROSS JOIN LATERAL (SELECT CASE WHEN i.content_n % 10 = 3 THEN least(i.steps_passed, 1) ELSE 0 END AS adjusted) AS c
  WHERE l.n = ANY ($1::bigint[])
), written AS (
  INSERT INTO agent_compliance_runs
  SELECT run.* FROM drawn d, LATERAL jsonb_populate_record(NULL::agent_compliance_runs, to_jsonb(d) || coalesce(d.change, '{}')) AS run
  RETURNING id, md5(agent_compliance_runs::text) AS hash
)
UPDATE demo.live_run l SET hash = w.hash FROM written w WHERE w.id = l.id
