-- What is missing of the fence, or was changed since: each trigger of the table and of its partitions, and the function.
-- $1 the body of the function
WITH whole AS (SELECT 'public.agent_test_history'::regclass AS oid),
     parts AS (SELECT oid FROM whole UNION SELECT p.relid FROM whole CROSS JOIN LATERAL pg_partition_tree(whole.oid) AS p),
     -- As pg_trigger.tgtype has them: before (2), insert (4), delete (8), update (16), truncate (32), each row (1).
     wanted (name, type, has_condition) AS (
       VALUES ('history_cdc_fence', 54, false), ('history_cdc_fence_delete', 10, true),
              ('history_cdc_fence_row', 23, false), ('history_cdc_fence_row_delete', 11, true)),
     fence AS (
       SELECT p.oid, p.prosecdef AND p.proowner = c.relowner AND p.prosrc = $1 AND p.proconfig = '{"search_path=pg_catalog, pg_temp"}' AS is_ours
       FROM pg_proc p CROSS JOIN whole JOIN pg_class c ON c.oid = whole.oid
       WHERE p.oid = to_regprocedure('history_cdc_fence.refuse()'))
SELECT format('trigger %s on %s: %s', w.name, parts.oid::regclass,
              CASE WHEN t.oid IS NULL THEN 'missing' WHEN t.tgenabled <> 'A' THEN 'disabled' ELSE 'changed' END) AS hole
FROM parts CROSS JOIN wanted w
LEFT JOIN pg_trigger t ON t.tgrelid = parts.oid AND t.tgname = w.name
WHERE (t.tgenabled = 'A' AND t.tgtype = w.type AND t.tgfoid = (SELECT oid FROM fence) AND (t.tgqual IS NOT NULL) = w.has_condition
       AND t.tgattr::text = '') IS NOT TRUE
UNION ALL
SELECT 'function history_cdc_fence.refuse(): missing or changed' WHERE (SELECT is_ours FROM fence) IS NOT TRUE
ORDER BY 1
