-- Runs of `reconcile` that have a verdict, and passes of the verification inside `project`, newest first. A small table has a
-- pass every ten seconds: listed are the newest one, and those that found another number of wrong rows than the one before.
-- $1 how many
SELECT * FROM (
  SELECT r.scope, r.id::text, r.since, r.started_at AS "startedAt", r.finished_at AS "finishedAt", r.release,
         r.rule_version AS "ruleVersion", r.legacy_rows::float8 AS "legacyRows", r.ledger_rows::float8 AS "ledgerRows",
         r.canonical_rows::float8 AS "canonicalRows", r.verdict, found.wrong, coalesce(r.excepted, '{}') AS excepted
  FROM history_cdc.reconcile_run r
  CROSS JOIN LATERAL (
    SELECT CASE WHEN r.verdict <> 'wrong' OR count(*) > 0
             THEN count(*) FILTER (WHERE f.state = 'confirmed' AND f.severity = 'wrong' AND f.accepted_by IS NULL) END::float8 AS wrong
    FROM history_cdc.reconcile_finding f WHERE f.run_id = r.id) AS found
  WHERE r.phase = 'done'
  UNION ALL
  SELECT 'background', p.id::text, NULL, p.began_at, p.ended_at, p.release, p.rule_version, p.legacy_rows, p.ledger_rows,
         p.canonical_rows, NULL, p.wrong, '{}'
  FROM (SELECT v.*, lag(v.wrong) OVER (ORDER BY v.id) AS before, lead(v.id) OVER (ORDER BY v.id) AS next
        FROM history_cdc.verification_pass v) AS p
  WHERE p.wrong IS DISTINCT FROM coalesce(p.before, 0) OR p.next IS NULL
) AS past
ORDER BY "finishedAt" DESC, scope, id DESC
LIMIT $1::integer
