-- The hash of a legacy row's content with its storyboard verdicts, Postgres's own text of them. A row without any has
-- the hash that it had before they were read.
CREATE FUNCTION history_cdc.content_hash(
  agent_context_id uuid, scenario text, overall_passed boolean, steps_passed integer, steps_failed integer,
  total_duration_ms integer, summary text, dry_run boolean, user_id text, agent_profile_json text,
  started_at timestamptz, storyboards text
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN storyboards IS NULL
  THEN history_cdc.content_hash(agent_context_id, scenario, overall_passed, steps_passed, steps_failed,
         total_duration_ms, summary, dry_run, user_id, agent_profile_json, started_at)
  ELSE sha256(history_cdc.content_hash(agent_context_id, scenario, overall_passed, steps_passed, steps_failed,
         total_duration_ms, summary, dry_run, user_id, agent_profile_json, started_at)
         || convert_to(storyboards, 'UTF8'))
END;

-- What a canonical row of ours says about storyboards, beside where it comes from: nothing where there are none. It
-- names its parameter once, so that Postgres inlines the call and parses the text once.
CREATE FUNCTION history_cdc.storyboard_observation(storyboards text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(('{"storyboards": ' || storyboards || '}')::jsonb, '{}');
