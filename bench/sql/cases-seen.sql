-- What became of each hard case in the canonical table: how many rows carry its id, and whether they say what it says.
SELECT c.name, count(r.id)::integer AS copies, coalesce(bool_and(r.headline = h.summary AND r.agent_profile_json = h.agent_profile_json), false) AS same,
       coalesce(bool_and(r.agent_url = x.agent_url), false) AS follows, coalesce(bool_and(r.dry_run), false) AS dry_run,
       (SELECT count(*)::integer FROM agent_compliance_runs all_runs WHERE all_runs.headline = h.summary) AS with_its_headline
FROM bench.hard_case c
     JOIN agent_test_history h USING (id)
     JOIN agent_contexts x ON x.id = h.agent_context_id
     LEFT JOIN agent_compliance_runs r ON r.observations_json ->> 'backfill_source_id' = c.id::text
GROUP BY c.name, h.summary
