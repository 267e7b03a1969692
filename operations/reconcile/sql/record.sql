recorded AS (
  INSERT INTO history_cdc.reconcile_finding AS f (run_id, phase, kind, legacy_id, canonical_run_id, fields, version)
  SELECT $1::bigint, '{{phase}}', kind, legacy_id, canonical_run_id, fields, version FROM found
  ON CONFLICT (run_id, kind, subject) DO UPDATE
    SET fields = excluded.fields, version = excluded.version, seen_at = clock_timestamp(),
        suspected_at = CASE WHEN f.version = excluded.version THEN f.suspected_at ELSE excluded.suspected_at END
)
SELECT count(*)::integer AS rows, (array_agg(id ORDER BY id DESC))[1] AS last_id FROM compared
