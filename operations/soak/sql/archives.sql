-- The newest archive that was read back and not found different since, with the last change that the ledger knows of.
-- What was erased or exported after the last verification makes an archive unverified.
WITH state AS (
  SELECT DISTINCT ON (e.archive_id) e.archive_id, e.event, e.rows, e.snapshot_at, e.snapshot_lsn, e.manifest_sha256, e.at
  FROM history_cdc.archive_event e
  WHERE e.event <> 'drilled'
  ORDER BY e.archive_id, e.id DESC
)
SELECT s.archive_id AS id, a.target, s.rows::float8 AS rows, s.snapshot_at AS "snapshotAt", s.snapshot_lsn::text AS "snapshotLsn",
       encode(s.manifest_sha256, 'hex') AS manifest, s.at AS "verifiedAt",
       (SELECT count(*) FROM history_cdc.ledger l WHERE l.lsn > s.snapshot_lsn AND NOT l.snapshot)::integer AS changed
FROM state s
JOIN history_cdc.archive a ON a.id = s.archive_id
WHERE s.event = 'verified' AND s.snapshot_lsn IS NOT NULL AND s.snapshot_at IS NOT NULL
ORDER BY s.snapshot_lsn DESC, s.at DESC
LIMIT 1
