-- Which of these rights a role lacks. $1 the role, and as parallel arrays: $2 tables, $3 columns (NULL: of the whole table),
-- $4 privileges. What does not exist lacks nothing here: other checks name it
SELECT w.place, w.privilege, array_agg(w.on_column ORDER BY w.on_column) FILTER (WHERE w.on_column IS NOT NULL) AS columns
FROM unnest($2::text[], $3::text[], $4::text[]) AS w (place, on_column, privilege)
JOIN pg_namespace n ON n.nspname = split_part(w.place, '.', 1)
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = split_part(w.place, '.', 2)
WHERE (w.on_column IS NULL OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = w.on_column AND NOT a.attisdropped))
  AND NOT (CASE WHEN w.on_column IS NULL THEN has_table_privilege($1, c.oid, w.privilege)
                ELSE has_column_privilege($1, c.oid, w.on_column, w.privilege) END
           AND has_schema_privilege($1, n.oid, 'USAGE'))
GROUP BY w.place, w.privilege
ORDER BY w.place, w.privilege
