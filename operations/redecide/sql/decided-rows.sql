-- The next rows, by key, that were decided from a whole image, with the look-ups of their decision. Left out are
-- deleted rows, because they have no values; `gone` and `quarantined`, because no image was seen; and forgotten users,
-- because they cannot be looked up. $1 the last legacy id of the previous chunk (null at first), $2 rows, $3 the grace
-- window in seconds
SELECT legacy_id, decision, reason, rule_version, agent_context_id, user_id, organization_id, agent_url, is_member,
       lists_agent, opted_out, decided_at >= clock_timestamp() - $3::integer * interval '1 second' AS young
FROM history_cdc.ledger
WHERE ($1::uuid IS NULL OR legacy_id > $1::uuid) AND source_deleted_at IS NULL
  AND decision NOT IN ('gone', 'quarantined') AND coalesce(user_id, '') NOT LIKE 'forgotten:%'
ORDER BY legacy_id
LIMIT $2
