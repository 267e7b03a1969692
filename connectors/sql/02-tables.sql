-- 2. Two small tables in a schema of their own.
--
-- Run by: a role with CREATE on the database.
CREATE SCHEMA IF NOT EXISTS history_cdc_source;
COMMENT ON SCHEMA history_cdc_source IS 'agent-history-cdc: what Debezium needs in this database; nothing of the application';

-- Commands to the connector, such as an incremental snapshot. Whoever may insert here commands it.
CREATE TABLE IF NOT EXISTS history_cdc_source.signal (
  id   text PRIMARY KEY,
  type text NOT NULL,
  data text
);

-- One row that the connector writes every few seconds. Its way through WAL, slot, Connect and Kafka proves that all
-- of them work, and it moves the slot on while the application's table rests: without it WAL would pile up.
CREATE TABLE IF NOT EXISTS history_cdc_source.heartbeat (
  id      integer PRIMARY KEY CHECK (id = 1),
  beat    timestamptz NOT NULL,
  counter bigint NOT NULL
);
