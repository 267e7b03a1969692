-- Notes which of the legacy rows of runs $1 the projector has projected, and what it wrote for them. Runs in the
-- transaction of their live rows, which so becomes visible together with the proof that it came too late.
WITH noted AS (
  INSERT INTO demo.late_live_run (legacy_id, projected_run_id)
  SELECT l.legacy_id, l.canonical_run_id FROM demo.run r JOIN history_cdc.ledger l ON l.legacy_id = r.id
  WHERE r.n = ANY ($1::bigint[]) AND l.decision = 'projected'
  ON CONFLICT DO NOTHING
)
SELECT count(*)::integer AS done FROM demo.run r JOIN history_cdc.ledger l ON l.legacy_id = r.id
WHERE r.n = ANY ($1::bigint[]) AND l.decision = 'projected'
