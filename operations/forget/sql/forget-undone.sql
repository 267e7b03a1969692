-- Replaces the user id in what `undo` took back, so that it comes back with the alias. $1 user id, $2 alias
UPDATE history_cdc.undone u
SET ledger = CASE WHEN u.ledger ->> 'user_id' = $1 THEN jsonb_set(u.ledger, '{user_id}', to_jsonb($2::text)) ELSE u.ledger END,
    observations_json = CASE WHEN u.observations_json ->> 'backfill_user_id' = $1
      THEN jsonb_set(u.observations_json, '{backfill_user_id}', to_jsonb($2::text)) ELSE u.observations_json END
WHERE u.ledger ->> 'user_id' = $1 OR u.observations_json ->> 'backfill_user_id' = $1
