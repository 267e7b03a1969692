-- The times by which a row without a decision is on its way or lost, in microseconds since 1970.
-- read_until_us: until when the source has been read, by its own clock: the newest commit that was streamed. Where only a snapshot
-- was read, the newest row that the ledger knows and that is not dated in the future. NULL where the ledger is empty.
-- future_us: a row of a later time is dated in the future, so its time does not tell when it was written.
WITH future AS (SELECT clock_timestamp() + interval '1 day' AS at)
SELECT (extract(epoch FROM coalesce(
         (SELECT max(o.streamed_until) FROM history_cdc.consumer_offset o),
         (SELECT max(l.started_at) FROM history_cdc.ledger l WHERE isfinite(l.started_at) AND l.started_at <= future.at)
       )) * 1000000)::bigint AS read_until_us,
       (extract(epoch FROM future.at) * 1000000)::bigint AS future_us
FROM future
