-- What keeps DROP TABLE … RESTRICT from going through: what depends on the table, or on its row type, and is not a part of it.
SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0) AS object
FROM pg_class t
JOIN pg_depend d ON (d.refclassid, d.refobjid) IN (('pg_class'::regclass, t.oid), ('pg_type'::regclass, t.reltype))
WHERE t.oid = to_regclass('public.agent_test_history') AND d.deptype = 'n'
  AND NOT (d.classid = 'pg_constraint'::regclass AND d.objid IN (SELECT oid FROM pg_constraint WHERE conrelid = t.oid))
  AND NOT (d.classid = 'pg_policy'::regclass AND d.objid IN (SELECT oid FROM pg_policy WHERE polrelid = t.oid))
ORDER BY object
