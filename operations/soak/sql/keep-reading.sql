-- Stores a sample of counters; the time of a counter moves when it differs from the last sample.
INSERT INTO history_cdc.legacy_reading AS r (source, role, subject, counter, epoch)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
ON CONFLICT (source, role, subject) DO UPDATE SET
  counter = excluded.counter, epoch = excluded.epoch, looked_at = clock_timestamp(),
  changed_at = CASE WHEN (r.counter, r.epoch) = (excluded.counter, excluded.epoch) THEN r.changed_at
                    ELSE clock_timestamp() END
