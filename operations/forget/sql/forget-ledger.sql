-- Replaces the user id of decisions. Decision, look-ups and position stay. $1 user id, $2 alias
UPDATE history_cdc.ledger SET user_id = $2 WHERE user_id = $1
