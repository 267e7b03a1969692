-- Stores the fingerprints of rows that skipped matching and have no canonical row of ours: opted out, or pruned.
-- $1 legacy ids, $2 fingerprints, $3 profile hashes
UPDATE history_cdc.ledger l
SET fingerprint = e.fingerprint, profile_hash = e.profile_hash
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS e (legacy_id, fingerprint, profile_hash)
WHERE l.legacy_id = e.legacy_id AND l.fingerprint IS NULL AND l.decision IN ('projected', 'opted_out')
