-- The one row of the verification, and the run that its findings belong to. Only the first projector makes them.
-- $1 the version of the rule, $2 the release, $3 the projector, $4 its share in rows per second
WITH made AS (
  INSERT INTO history_cdc.reconcile_run (rule_version, release, phase, scope)
  VALUES ($1::smallint, $2, 'legacy', 'background')
  ON CONFLICT (scope) WHERE scope = 'background' DO UPDATE SET rule_version = excluded.rule_version, release = excluded.release
  RETURNING id
)
INSERT INTO history_cdc.verification AS v (run_id, alive_by, rows_per_second, release, rule_version, changed_from, changed_to)
SELECT id, $3, $4::integer, $2, $1::smallint, pg_current_snapshot(), pg_current_snapshot() FROM made
ON CONFLICT (run_id) DO UPDATE
  SET alive_at = clock_timestamp(), alive_by = excluded.alive_by, rows_per_second = excluded.rows_per_second,
      release = excluded.release, rule_version = excluded.rule_version,
      (step, pass_began_at, phase, last_id, legacy_rows, ledger_rows, canonical_rows) = (
        SELECT v.step, v.pass_began_at, v.phase, v.last_id, v.legacy_rows, v.ledger_rows, v.canonical_rows
        WHERE (v.release, v.rule_version) = (excluded.release, excluded.rule_version)
        UNION ALL
        SELECT v.step + 1, clock_timestamp(), 'legacy', NULL, 0, 0, 0
        WHERE (v.release, v.rule_version) <> (excluded.release, excluded.rule_version))
