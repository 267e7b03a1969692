-- Whether the connector has confirmed a position: what lies before it is in the topic, acknowledged by Kafka. Strictly
-- beyond, because a slot that was just made stands at its own beginning while the snapshot is read. Anybody may ask.
-- $1 the slot, $2 the position
SELECT s.confirmed_flush_lsn > $2::pg_lsn IS TRUE AS passed
FROM pg_catalog.pg_replication_slots s
WHERE s.slot_name = $1 AND s.database = current_database()
