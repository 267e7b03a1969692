-- Where a parked record stands in the sequence of all records of its topic, if the breaker has counted it: its own offset + 1,
-- plus the stored offsets of the other partitions at that time. A projector that starts continues with the window of the
-- one before it. NULL where the breaker did not count the record: it was parked by an earlier release, by a sweep or a
-- retry, or while QUARANTINE_MAX_SHARE was 1.
ALTER TABLE history_cdc.quarantine
  ADD COLUMN breaker_position bigint;
