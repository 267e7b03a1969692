-- What the canonical tables must hold, said in plain SQL over the application's tables: no function, no table and no
-- file of history_cdc is used. It also counts the records that Debezium has to write, and remembers every row that
-- ever was.
CREATE SCHEMA oracle;

CREATE FUNCTION oracle.agent(url text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN trimmed ~ '^[^[:space:][:cntrl:]*]+$' THEN trimmed END
  FROM (SELECT rtrim(lower(btrim(url, E' \t\n')), '/') AS trimmed) AS t
$$;

CREATE VIEW oracle.decision AS
SELECT h.id, c.id AS context_id, c.organization_id, c.agent_url AS original_url, oracle.agent(c.agent_url) AS agent_url,
       coalesce(m.lifecycle_stage, 'production') AS lifecycle_stage,
       CASE
         WHEN coalesce(btrim(h.user_id), '') = '' THEN 'anonymous'
         WHEN NOT EXISTS (SELECT FROM organization_memberships o
                          WHERE o.workos_user_id = h.user_id AND o.workos_organization_id = c.organization_id)
           OR NOT EXISTS (SELECT FROM member_profiles p, jsonb_array_elements(CASE WHEN jsonb_typeof(p.agents) = 'array' THEN p.agents ELSE '[]' END) AS listed
                          WHERE p.workos_organization_id = c.organization_id AND jsonb_typeof(listed) = 'object'
                            AND jsonb_typeof(listed -> 'url') = 'string'
                            AND oracle.agent(listed ->> 'url') = oracle.agent(c.agent_url)) THEN 'third_party'
         WHEN EXISTS (SELECT FROM agent_compliance_runs r
                      WHERE r.observations_json ->> 'backfill_script' = 'backfill-owner-test-history'
                        AND r.observations_json ->> 'backfill_source_id' = h.id::text) THEN 'adopted'
         WHEN coalesce(m.compliance_opt_out, false) THEN 'opted_out'
         ELSE 'projected'
       END AS decision
FROM agent_test_history h
JOIN agent_contexts c ON c.id = h.agent_context_id
LEFT JOIN agent_registry_metadata m ON m.agent_url = oracle.agent(c.agent_url);

CREATE FUNCTION oracle.list(value jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE '[]' END
$$;

-- A verdict a storyboard; NULL where no phase of any was run. Only an entry that is an object is a step.
CREATE FUNCTION oracle.storyboards(steps jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  WITH phase AS (
    SELECT phase, t.n AS track, p.n AS phase_of_track
    FROM jsonb_array_elements(oracle.list(CASE jsonb_typeof(steps) WHEN 'object' THEN steps -> 'tracks' ELSE steps END)) WITH ORDINALITY AS t (entry, n),
         jsonb_array_elements(CASE WHEN jsonb_typeof(steps) = 'object' OR jsonb_typeof(entry -> 'scenarios') = 'array' THEN oracle.list(entry -> 'scenarios')
                                   ELSE jsonb_build_array(entry) END) WITH ORDINALITY AS p (phase, n)
    WHERE jsonb_typeof(phase -> 'scenario') = 'string' AND strpos(phase ->> 'scenario', '/') > 1
  ), rolled_up AS (
    SELECT split_part(phase ->> 'scenario', '/', 1) AS storyboard, min(ARRAY[track, phase_of_track]) AS first,
           sum(CASE WHEN listed > 0 THEN listed ELSE 1 END)::bigint AS steps,
           sum(CASE WHEN listed > 0 THEN listed_passed
                    WHEN (CASE jsonb_typeof(phase -> 'overall_passed') WHEN 'boolean' THEN phase -> 'overall_passed' ELSE phase -> 'passed' END) = 'true' THEN 1
                    ELSE 0 END)::bigint AS passed
    FROM phase,
         LATERAL (SELECT count(*) AS listed, count(*) FILTER (WHERE step -> 'passed' = 'true') AS listed_passed
                  FROM jsonb_array_elements(oracle.list(phase -> 'steps')) AS step WHERE jsonb_typeof(step) = 'object') AS s
    GROUP BY 1
  )
  SELECT jsonb_agg(jsonb_build_object(
           'storyboard_id', storyboard, 'steps_passed', passed, 'steps_total', steps,
           'status', CASE WHEN passed = steps THEN 'passing' WHEN passed > 0 THEN 'partial' ELSE 'failing' END) ORDER BY first)
  FROM rolled_up
$$;

-- Text, not jsonb: 1 and 1.0 are equal as jsonb, and different as what the user recorded.
CREATE VIEW oracle.expected_run AS
SELECT h.id AS legacy_id, d.agent_url, d.lifecycle_stage, CASE WHEN h.overall_passed THEN 'passing' ELSE 'failing' END AS overall_status,
       h.summary AS headline, h.total_duration_ms, h.started_at AS tested_at, '[]' AS tracks_json,
       h.steps_passed AS tracks_passed, h.steps_failed AS tracks_failed, 0 AS tracks_skipped, 0 AS tracks_partial,
       h.agent_profile_json::text AS agent_profile_json,
       jsonb_strip_nulls(jsonb_build_object(
         'backfill_source', 'agent_test_history', 'backfill_source_id', h.id, 'backfill_script', 'history-cdc',
         'original_scenario', h.scenario, 'backfill_user_id', h.user_id, 'backfill_org_id', d.organization_id,
         'original_agent_url', nullif(d.original_url, d.agent_url), 'storyboards', oracle.storyboards(h.steps_json)))::text AS observations_json,
       'owner_test' AS triggered_by, coalesce(h.dry_run, true) AS dry_run, d.organization_id AS triggered_org_id,
       NULL::text AS notices_json, NULL::text AS requested_compliance_target, NULL::text AS adcp_version
FROM agent_test_history h
JOIN oracle.decision d ON d.id = h.id
WHERE d.decision = 'projected';

-- Runs whose legacy row no longer says what the canonical row has to say: it was deleted, or moved to a stranger's agent.
CREATE TABLE oracle.kept_run AS SELECT * FROM oracle.expected_run WITH NO DATA;

CREATE VIEW oracle.actual_run AS
SELECT (observations_json ->> 'backfill_source_id')::uuid AS legacy_id, agent_url, lifecycle_stage, overall_status,
       headline, total_duration_ms, tested_at, tracks_json::text AS tracks_json, tracks_passed, tracks_failed, tracks_skipped, tracks_partial,
       agent_profile_json::text AS agent_profile_json, observations_json::text AS observations_json, triggered_by, dry_run, triggered_org_id,
       notices_json::text AS notices_json, requested_compliance_target, adcp_version
FROM agent_compliance_runs
WHERE observations_json ->> 'backfill_script' = 'history-cdc';

CREATE VIEW oracle.expected_all AS
SELECT * FROM oracle.kept_run
UNION ALL
SELECT * FROM oracle.expected_run WHERE legacy_id NOT IN (SELECT legacy_id FROM oracle.kept_run);

CREATE VIEW oracle.difference AS
SELECT 'missing' AS what, m.* FROM (SELECT * FROM oracle.expected_all EXCEPT ALL SELECT * FROM oracle.actual_run) AS m
UNION ALL
SELECT 'unexpected', u.* FROM (SELECT * FROM oracle.actual_run EXCEPT ALL SELECT * FROM oracle.expected_all) AS u;

CREATE TABLE oracle.seen (legacy_id uuid PRIMARY KEY);
CREATE TABLE oracle.record (count bigint NOT NULL);

-- One record a row, and a tombstone behind a delete; one for a truncate.
CREATE FUNCTION oracle.note_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO oracle.record SELECT count(*) FROM changed;
  INSERT INTO oracle.seen SELECT id FROM changed ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE FUNCTION oracle.note_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO oracle.record SELECT count(*) FROM changed;
  RETURN NULL;
END $$;
CREATE FUNCTION oracle.note_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO oracle.record SELECT 2 * count(*) FROM changed;
  RETURN NULL;
END $$;
CREATE FUNCTION oracle.note_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO oracle.record VALUES (1);
  RETURN NULL;
END $$;
CREATE TRIGGER oracle_insert AFTER INSERT ON agent_test_history REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION oracle.note_insert();
CREATE TRIGGER oracle_update AFTER UPDATE ON agent_test_history REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION oracle.note_update();
CREATE TRIGGER oracle_delete AFTER DELETE ON agent_test_history REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION oracle.note_delete();
CREATE TRIGGER oracle_truncate AFTER TRUNCATE ON agent_test_history
  FOR EACH STATEMENT EXECUTE FUNCTION oracle.note_truncate();
