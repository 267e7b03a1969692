-- What really happened, noted by the window's writer in the transactions of the application itself: a note is there if
-- and only if the row is. Nothing of history_cdc is used.
CREATE SCHEMA truth;

-- One real run. alike: runs with the same number cannot be told apart by what the application's tables say of them.
-- standing: 'owner', 'opted_out' (an owner's, on an agent that is not to be monitored), 'third_party' or 'anonymous'.
-- A run of which neither row came to be was never recorded, and is not looked at.
CREATE TABLE truth.run (
  run integer PRIMARY KEY, alike integer NOT NULL, kind text NOT NULL,
  standing text NOT NULL CHECK (standing IN ('owner', 'opted_out', 'third_party', 'anonymous')),
  organization_id text NOT NULL, agent_url text NOT NULL
);

-- The whole row as it was inserted. phase: what the connector was doing then.
CREATE TABLE truth.legacy_row (
  legacy_id uuid PRIMARY KEY, run integer NOT NULL UNIQUE REFERENCES truth.run,
  phase text NOT NULL CHECK (phase IN ('before', 'applying', 'streaming')), row public.agent_test_history NOT NULL
);

-- The whole row as it was inserted, and the transaction: a row that anybody wrote again has another xmin. run: NULL for
-- a heartbeat's, which is nobody's run.
CREATE TABLE truth.live_row (
  live_id uuid PRIMARY KEY, run integer UNIQUE REFERENCES truth.run, xid text NOT NULL,
  row public.agent_compliance_runs NOT NULL
);

-- The current verdict as the live path last wrote it, or as it was at the beginning.
CREATE TABLE truth.status (agent_url text PRIMARY KEY, xid text NOT NULL, row text NOT NULL);

-- What became of a legacy row: 'row deleted', 'context deleted', 'merged' (same agent), 'moved' (another agent).
CREATE TABLE truth.fate (run integer PRIMARY KEY REFERENCES truth.run, fate text NOT NULL);

-- What the ledger said of the legacy row while the live write of the same run was still open.
CREATE TABLE truth.open_live (run integer PRIMARY KEY REFERENCES truth.run, decision text NOT NULL);
