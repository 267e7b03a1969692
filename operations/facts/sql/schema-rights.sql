-- Who is asking, and what that role lacks on the schema history_cdc as a whole: to enter it, to read its tables, to run its
-- functions.
WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname = 'history_cdc')
SELECT json_build_object('role', current_user::text, 'schema', EXISTS (SELECT FROM ours), 'missing', (
  SELECT coalesce(json_agg(missing ORDER BY missing), '[]') FROM (
    SELECT 'USAGE ON SCHEMA history_cdc' AS missing FROM ours WHERE NOT has_schema_privilege(oid, 'USAGE')
    UNION ALL
    SELECT format('SELECT ON history_cdc.%I', relname) FROM pg_class
    WHERE relnamespace IN (SELECT oid FROM ours) AND relkind IN ('r', 'p', 'v') AND NOT has_table_privilege(oid, 'SELECT')
    UNION ALL
    SELECT format('EXECUTE ON FUNCTION history_cdc.%I', proname) FROM pg_proc
    WHERE pronamespace IN (SELECT oid FROM ours) AND NOT has_function_privilege(oid, 'EXECUTE')
  ) AS lacking
)) AS facts
