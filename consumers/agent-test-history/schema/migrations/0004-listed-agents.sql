-- The agents that a member profile lists, as the application compares their URLs. Only a JSON object with a string
-- `url`, in an array, lists an agent; anything else lists nothing. Takes the value, not the profile, so that nothing
-- of ours depends on the application's tables.
CREATE FUNCTION history_cdc.listed_agents(agents jsonb) RETURNS TABLE (agent_url text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT history_cdc.canonical_agent_url(agent.entry ->> 'url')
  FROM jsonb_array_elements(CASE jsonb_typeof(agents) WHEN 'array' THEN agents ELSE '[]'::jsonb END) AS agent (entry)
  WHERE jsonb_typeof(agent.entry) = 'object' AND jsonb_typeof(agent.entry -> 'url') = 'string';
END;
