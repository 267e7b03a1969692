-- What about the canonical table keeps every row of ours out, whatever its values; one phrase each. $1 the columns that are
-- written.
WITH runs AS (
  SELECT c.* FROM pg_class c WHERE c.oid = to_regclass('public.agent_compliance_runs') AND c.relkind IN ('r', 'p')
)
SELECT format('public.agent_compliance_runs has the rule %s: no row is inserted there with ON CONFLICT', w.rulename) AS obstacle
FROM runs JOIN pg_rewrite w ON w.ev_class = runs.oid AND w.ev_type IN ('2', '3', '4')
UNION ALL
SELECT 'public.agent_compliance_runs has no unique key on id alone that is checked at once (a deferrable one is not)'
FROM runs
WHERE NOT EXISTS (
  SELECT FROM pg_index i
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = 'id'
  WHERE i.indrelid = runs.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indnkeyatts = 1
    AND i.indpred IS NULL)
UNION ALL
SELECT format('the column %s of public.agent_compliance_runs is generated, and is one that is written', a.attname)
FROM runs JOIN pg_attribute a ON a.attrelid = runs.oid AND a.attname = ANY ($1::text[])
WHERE a.attgenerated <> '' OR a.attidentity = 'a'
UNION ALL
SELECT format('the column %s of public.agent_compliance_runs must have a value, and has no default: no row of ours has one', a.attname)
FROM runs JOIN pg_attribute a ON a.attrelid = runs.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attname <> ALL ($1::text[]) AND (a.attnotnull OR t.typnotnull) AND NOT a.atthasdef AND a.attidentity = ''
  AND t.typdefault IS NULL
UNION ALL
SELECT 'public.agent_compliance_runs is UNLOGGED: a crash of the server empties it, and the ledger stays'
FROM runs WHERE runs.relpersistence = 'u'
