  SELECT t.id, t.agent_context_id, t.scenario, t.overall_passed, t.steps_passed, t.steps_failed, t.total_duration_ms,
         t.summary, t.dry_run, t.user_id, t.agent_profile_json::jsonb AS agent_profile_json, t.started_at,
         t.steps_json::jsonb AS steps_json, t.version
  FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::boolean[], $6::integer[], $7::integer[], $8::integer[], $9::text[],
              $10::boolean[], $11::text[], $12::text[], $13::timestamptz[], $14::text[], $15::text[])
         AS t (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary,
               dry_run, user_id, agent_profile_json, started_at, steps_json, version)
