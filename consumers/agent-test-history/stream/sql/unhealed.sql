-- Counts the records in quarantine that are not healed, by an index: those that wait for a person, and those that a
-- person has waived.
SELECT count(*) FILTER (WHERE waived_at IS NULL)::integer AS open,
       count(*) FILTER (WHERE waived_at IS NOT NULL)::integer AS waived
FROM history_cdc.quarantine
WHERE healed_at IS NULL
