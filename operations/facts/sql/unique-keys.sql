-- Every unique key of the tables named, as `schema.table (columns, sorted)`: complete, valid, and over columns only.
-- $1 the tables' names
SELECT DISTINCT format('%s (%s)', wanted.name, k.columns) AS key
FROM unnest($1::text[]) AS wanted (name)
JOIN pg_namespace n ON n.nspname = split_part(wanted.name, '.', 1)
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = split_part(wanted.name, '.', 2)
JOIN pg_index i ON i.indrelid = c.oid
CROSS JOIN LATERAL (
  SELECT string_agg(a.attname, ', ' ORDER BY a.attname) AS columns
  FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS number
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = number
) AS k
WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
