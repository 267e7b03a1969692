-- The table's constraints, in an order in which they can be added. NOT NULL is a property of the column.
SELECT conname AS name,
       CASE contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key'
                    WHEN 'x' THEN 'exclusion' WHEN 't' THEN 'trigger' END AS kind,
       pg_get_constraintdef(oid) AS definition
FROM pg_constraint
WHERE conrelid = 'public.agent_test_history'::regclass AND contype <> 'n'
ORDER BY contype = 'f', contype <> 'p', conname
