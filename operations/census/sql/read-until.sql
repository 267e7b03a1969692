-- Until when the source has been read, by its own clock, in microseconds since 1970: the newest commit that was streamed. Where only a
-- snapshot was read, the newest row that the ledger knows. NULL where the ledger is empty.
SELECT (extract(epoch FROM coalesce(
  (SELECT max(o.streamed_until) FROM history_cdc.consumer_offset o),
  (SELECT max(l.started_at) FROM history_cdc.ledger l WHERE isfinite(l.started_at)))) * 1000000)::bigint AS read_until_us
