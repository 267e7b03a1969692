-- What is in quarantine now, over the index of what is not healed: what waits for a person, and what a person gave up.
SELECT count(*) FILTER (WHERE waived_at IS NULL)::integer AS open,
       count(*) FILTER (WHERE waived_at IS NOT NULL)::integer AS waived
FROM history_cdc.quarantine
WHERE healed_at IS NULL
