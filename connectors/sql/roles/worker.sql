-- What the role {{role}} needs of the application's tables to {{purpose}}, and nothing else.
--
-- Run by: the owner of the tables, in the database of agent_test_history and in that of the canonical tables. The script
-- passes over what is not in a database. Where a table belongs to somebody else, it prints the statements that this owner
-- has to run. The role has to be there. What it may do in the schema history_cdc comes with `history-cdc migrate --grant-to`:
-- no right to change or to delete a canonical row is among it, because both go through functions that touch only our rows.
DO $script$
DECLARE
  needed record;
  remaining text[] := '{}';
BEGIN
  FOR needed IN
    SELECT w.*, n.nspname, n.oid AS schema_id, format('%I.%I', n.nspname, c.relname) AS place,
           pg_has_role(c.relowner, 'USAGE') AS owns_table, pg_has_role(n.nspowner, 'USAGE') AS owns_schema,
           -- Behind a comment sign, no name may end the line.
           regexp_replace(pg_get_userbyid(c.relowner), '[[:cntrl:]]', ' ', 'g') AS table_owner,
           regexp_replace(pg_get_userbyid(n.nspowner), '[[:cntrl:]]', ' ', 'g') AS schema_owner,
           (SELECT bool_and(has_table_privilege({{role_text}}, c.oid, p)
                            OR has_column_privilege({{role_text}}, c.oid, a.attnum, p))
              FROM unnest(w.privileges) p, pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND (w.columns IS NULL OR a.attname = ANY (w.columns))) AS granted
    FROM (VALUES
      -- The columns beside these hold credentials.
      ('public', 'agent_contexts', '{SELECT}'::text[], '{id, organization_id, agent_url}'::text[]),
      ('public', 'member_profiles', '{SELECT}', '{workos_organization_id, agents}'),
      ('public', 'organization_memberships', '{SELECT}', '{workos_user_id, workos_organization_id}'),
      ('public', 'agent_registry_metadata', '{SELECT}', '{agent_url, lifecycle_stage, compliance_opt_out}'),
      ('public', 'agent_test_history', '{SELECT}', NULL),
      ('public', 'agent_compliance_runs', '{SELECT, INSERT}', NULL),
      ('history_cdc_source', 'heartbeat', '{SELECT}', NULL),
      ('history_cdc_source', 'signal', '{{signalRights}}', NULL)
    ) AS w (schema_name, table_name, privileges, columns)
    -- By the catalogue: to_regclass would demand USAGE on the schema.
    JOIN pg_namespace n ON n.nspname = w.schema_name
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name
    WHERE w.privileges <> '{}'
  LOOP
    DECLARE
      usage CONSTANT text := format('GRANT USAGE ON SCHEMA %I TO %I', needed.nspname, {{role_text}});
      rights CONSTANT text := format('GRANT %s ON %s TO %I',
        (SELECT string_agg(p || coalesce((SELECT ' (' || string_agg(quote_ident(c), ', ') || ')' FROM unnest(needed.columns) c), ''), ', ')
           FROM unnest(needed.privileges) p), needed.place, {{role_text}});
    BEGIN
      IF NOT has_schema_privilege({{role_text}}, needed.schema_id, 'USAGE') THEN
        IF needed.owns_schema THEN
          EXECUTE usage;
        ELSE
          remaining := remaining || format('%s;  -- run by %s', usage, needed.schema_owner);
        END IF;
      END IF;
      IF needed.owns_table THEN
        EXECUTE rights;
        RAISE NOTICE '%', rights;
      ELSIF NOT needed.granted THEN
        remaining := remaining || format('%s;  -- run by %s', rights, needed.table_owner);
      END IF;
    END;
  END LOOP;
  IF remaining <> '{}' THEN
    RAISE WARNING E'% may not grant everything. These statements remain for the owners:\n%', current_user,
      array_to_string(ARRAY(SELECT DISTINCT line FROM unnest(remaining) line), E'\n');
  END IF;
END
$script$;
