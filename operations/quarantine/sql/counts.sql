-- Counts everything that was ever parked, by reason and state. Waived records are never left out.
SELECT reason,
       count(*) FILTER (WHERE healed_at IS NULL AND waived_at IS NULL)::integer AS open,
       count(*) FILTER (WHERE healed_at IS NULL AND waived_at IS NOT NULL)::integer AS waived,
       count(*) FILTER (WHERE healed_at IS NOT NULL)::integer AS healed
FROM history_cdc.quarantine
GROUP BY reason
ORDER BY reason
