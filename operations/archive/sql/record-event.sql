INSERT INTO history_cdc.archive_event
  (archive_id, performed_by, event, manifest_sha256, rows, snapshot_at, snapshot_lsn, snapshot, counts)
VALUES ($1::uuid, $2::text, $3::text, decode($4::text, 'hex'), $5::bigint, $6::timestamptz, $7::pg_lsn, $8::pg_snapshot, $9::jsonb)
