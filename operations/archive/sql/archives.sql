-- Every archive with its newest event, the newest archive first.
SELECT a.id::text, a.at, a.performed_by, a.target, e.event, e.at AS event_at,
       encode(e.manifest_sha256, 'hex') AS manifest_sha256, e.rows::text AS rows,
       (SELECT max(v.at) FROM history_cdc.archive_event v WHERE v.archive_id = a.id AND v.event = 'verified') AS verified_at
FROM history_cdc.archive a
LEFT JOIN LATERAL (
  SELECT * FROM history_cdc.archive_event n WHERE n.archive_id = a.id ORDER BY n.id DESC LIMIT 1
) e ON true
ORDER BY a.at DESC, a.id
