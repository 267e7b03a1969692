-- Stores the hash of a user id, and returns the user's alias. A user who was forgotten before keeps the alias. $1 user
-- id
INSERT INTO history_cdc.forgotten_user AS f (user_hash)
SELECT sha256(k.key || convert_to($1::text, 'UTF8')) FROM history_cdc.forgotten_key k
ON CONFLICT (user_hash) DO UPDATE SET forgotten_at = f.forgotten_at
RETURNING alias
