-- The newest archive that was verified, and not found to differ since; and whether it was compared with a snapshot in which
-- every transaction of before the fence is over.
-- $1 the transaction id of the fence
SELECT e.archive_id::text AS id, a.target, encode(e.manifest_sha256, 'hex') AS "manifestSha256", e.rows::text AS rows,
       e.at AS "verifiedAt", e.snapshot::text AS snapshot, e.snapshot_lsn::text AS "snapshotLsn",
       pg_snapshot_xmin(e.snapshot) > $1::xid8 IS TRUE AS "isBehind",
       e.at > clock_timestamp() - interval '24 hours' AND e.at <= clock_timestamp() AS "isFresh"
FROM history_cdc.archive a
CROSS JOIN LATERAL (
  SELECT * FROM history_cdc.archive_event
  WHERE archive_id = a.id AND event IN ('verified', 'differs', 'erased', 'drill_differs')
  ORDER BY id DESC LIMIT 1) AS e
WHERE e.event = 'verified'
ORDER BY e.id DESC
LIMIT 1
