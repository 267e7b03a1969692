-- Creates the random key of the hashes (256 bits), unless there is one.
INSERT INTO history_cdc.forgotten_key (key)
VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))
ON CONFLICT (is_only) DO NOTHING
