-- What the role {{role}} needs of the application's tables to {{purpose}}, and nothing else.
--
-- Run by: the owner of the tables, in the database of agent_test_history and in that of the canonical tables; what is not in
-- a database is passed over. The role has to be there. What it may do in the schema history_cdc comes with
-- `history-cdc migrate --grant-to`: no right to change or to delete a canonical row is among it, for both go through
-- functions that touch none but our own.
DO $script$
DECLARE
  needed record;
BEGIN
  FOR needed IN
    SELECT * FROM (VALUES
      -- The columns beside these hold credentials.
      ('public.agent_contexts', 'SELECT (id, organization_id, agent_url)'),
      ('public.member_profiles', 'SELECT (workos_organization_id, agents)'),
      ('public.organization_memberships', 'SELECT (workos_user_id, workos_organization_id)'),
      ('public.agent_registry_metadata', 'SELECT (agent_url, lifecycle_stage, compliance_opt_out)'),
      ('public.agent_test_history', 'SELECT'),
      ('public.agent_compliance_runs', 'SELECT, INSERT'),
      ('history_cdc_source.heartbeat', 'SELECT'),
      ('history_cdc_source.signal', '{{signalRights}}')
    ) AS t (place, rights)
    WHERE to_regclass(place) IS NOT NULL AND rights <> ''
  LOOP
    IF NOT has_schema_privilege({{role_text}}, split_part(needed.place, '.', 1), 'USAGE') THEN
      EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', split_part(needed.place, '.', 1), {{role_text}});
    END IF;
    EXECUTE format('GRANT %s ON %s TO %I', needed.rights, needed.place, {{role_text}});
    RAISE NOTICE '%: % on %', {{role_text}}, needed.rights, needed.place;
  END LOOP;
END
$script$;
