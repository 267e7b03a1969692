-- What a step has done. It changes nothing if another projector has made a step since the row was read.
-- $1 the step that the row was read at, $2 the phase and $3 the last key of the pass, $4, $5 and $6 how many legacy rows, rows
-- of the ledger and canonical rows were compared, $7 a pass begins, $8 the place of the walk over changed rows, $9 how many
-- of these were compared, $10 that walk is at its end, $11 for how many milliseconds nobody makes another step
WITH ended AS (
  INSERT INTO history_cdc.verification_pass
    (began_at, release, rule_version, legacy_rows, ledger_rows, canonical_rows, wrong, waiting)
  SELECT v.pass_began_at, v.release, v.rule_version, v.legacy_rows, v.ledger_rows, v.canonical_rows,
         count(f.run_id) FILTER (WHERE f.state = 'confirmed'), count(f.run_id) FILTER (WHERE f.state = 'suspect')
  FROM history_cdc.verification v
  LEFT JOIN history_cdc.reconcile_finding f ON f.run_id = v.run_id
  WHERE v.step = $1::bigint AND v.phase = 'pairs' AND $2 = 'rest'
  GROUP BY v.run_id
),
forgotten AS (
  DELETE FROM history_cdc.verification_pass WHERE $2 = 'rest' AND ended_at < clock_timestamp() - interval '7 days'
    AND id < (SELECT max(id) FROM history_cdc.verification_pass)
)
UPDATE history_cdc.verification
SET step = step + 1, moved_at = clock_timestamp(),
    rest_until = clock_timestamp() + $11::float8 * interval '1 millisecond',
    held_since = NULL, held_because = NULL, failed_at = NULL, failure = NULL,
    pass_began_at = CASE WHEN $7::boolean THEN clock_timestamp() ELSE pass_began_at END,
    phase = $2, last_id = $3::uuid,
    legacy_rows = CASE WHEN $7::boolean THEN 0 ELSE legacy_rows END + $4::bigint,
    ledger_rows = CASE WHEN $7::boolean THEN 0 ELSE ledger_rows END + $5::bigint,
    canonical_rows = CASE WHEN $7::boolean THEN 0 ELSE canonical_rows END + $6::bigint,
    changed_at = $8::tid, changed_rows = changed_rows + $9::bigint,
    changed_from = CASE WHEN $10::boolean THEN changed_to ELSE changed_from END,
    changed_from_at = CASE WHEN $10::boolean THEN changed_to_at ELSE changed_from_at END,
    changed_to = CASE WHEN $10::boolean THEN pg_current_snapshot() ELSE changed_to END,
    -- Before the snapshot was taken.
    changed_to_at = CASE WHEN $10::boolean THEN statement_timestamp() ELSE changed_to_at END
WHERE step = $1::bigint
