-- Which of our two tables in the legacy database are there, and which of these columns each of them lacks. By the catalogue:
-- to_regclass would demand USAGE on the schema. As parallel arrays: $1 tables, $2 columns
SELECT w.table_name AS "table", bool_or(c.oid IS NOT NULL) AS there,
       array_remove(array_agg(CASE WHEN a.attname IS NULL THEN w.column_name END), NULL) AS missing
FROM unnest($1::text[], $2::text[]) AS w (table_name, column_name)
LEFT JOIN pg_namespace n ON n.nspname = 'history_cdc_source'
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.column_name AND NOT a.attisdropped
GROUP BY w.table_name
