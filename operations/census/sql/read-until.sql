-- Until when the source has been read, by its own clock, in microseconds since 1970: the newest commit that was streamed. Where only a
-- snapshot was read, the newest row that the ledger knows, without rows that are dated in the future: one of them would
-- explain every row that is missing. NULL where the ledger is empty.
SELECT (extract(epoch FROM coalesce(
  (SELECT max(o.streamed_until) FROM history_cdc.consumer_offset o),
  (SELECT max(l.started_at) FROM history_cdc.ledger l
   WHERE isfinite(l.started_at) AND l.started_at <= clock_timestamp() + interval '1 day'))) * 1000000)::bigint AS read_until_us
