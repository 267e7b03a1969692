-- Messages to people (operations/webhook), and what people ask for in the console (operations/requests).

-- Since when messages are made, and when a process last looked for news. Without a row, no process ever had a WEBHOOK_URL.
-- What was there before `since` is no news.
CREATE TABLE history_cdc.webhook (
  is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  since    timestamptz NOT NULL DEFAULT clock_timestamp(),
  alive_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row per message. It is sent until the receiver answers with a status of 200 to 299, or until it is given up.
CREATE TABLE history_cdc.webhook_message (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- The header `webhook-id`: the same for every attempt, so that the receiver can drop a message that it has already.
  message_id      text NOT NULL UNIQUE DEFAULT 'msg_' || gen_random_uuid(),
  type            text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The bytes that are sent and signed. Ids of ours, kinds and counts: never a value of a row, and no name of a person.
  body            text NOT NULL,
  attempts        integer NOT NULL DEFAULT 0,
  attempted_at    timestamptz,
  -- No process tries it before this moment. Whoever tries it moves it on first, so that no second one tries it meanwhile.
  next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Why the last attempt failed: a status or a code, and never the receiver's own text.
  failure         text CHECK (failure ~ '^\w[\w ]{0,79}$'),
  delivered_at    timestamptz,
  given_up_at     timestamptz,
  dismissed_at    timestamptz,
  dismissed_by    text,
  CHECK (num_nonnulls(delivered_at, given_up_at) <= 1),
  CHECK (dismissed_at IS NULL OR given_up_at IS NOT NULL),
  CHECK ((dismissed_at IS NULL) = (dismissed_by IS NULL))
);
CREATE INDEX webhook_message_waiting ON history_cdc.webhook_message (next_attempt_at)
  WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX webhook_message_given_up ON history_cdc.webhook_message (id) WHERE given_up_at IS NOT NULL AND dismissed_at IS NULL;

-- What was told, and in which message. A thing that has no row here is news.
CREATE TABLE history_cdc.webhook_told (
  type       text NOT NULL,
  subject    text NOT NULL,
  message_id bigint NOT NULL REFERENCES history_cdc.webhook_message,
  PRIMARY KEY (type, subject)
);

-- The conditions of the soak as they were told last.
CREATE TABLE history_cdc.webhook_gate (
  condition text PRIMARY KEY,
  state     text NOT NULL
);

-- What a person asked for in the console: a row before any work is done. Nobody changes or deletes a row of the two tables.
CREATE TABLE history_cdc.console_request (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  role         text NOT NULL DEFAULT session_user,
  address      inet DEFAULT inet_client_addr(),
  -- The person who is signed in.
  performed_by text NOT NULL,
  -- The form that was sent: one that is sent twice is one request.
  form_id      uuid NOT NULL UNIQUE,
  -- The command that does the same: `quarantine retry`.
  command      text NOT NULL,
  -- Ids, choices and what the person wrote as a reason.
  arguments    jsonb NOT NULL DEFAULT '{}',
  -- False: a dry run.
  applies      boolean NOT NULL,
  -- The dry run whose result the person has seen, or the request that is repeated.
  follows      bigint REFERENCES history_cdc.console_request
);

CREATE TABLE history_cdc.console_request_event (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  request_id bigint NOT NULL REFERENCES history_cdc.console_request,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  role       text NOT NULL DEFAULT session_user,
  address    inet DEFAULT inet_client_addr(),
  -- `done`: carried out. `no`: carried out, and something is left to do. `failed`: an error with a code. `interrupted`: the
  -- console ended meanwhile, and nobody knows how far it came.
  event      text NOT NULL CHECK (event IN ('begun', 'done', 'no', 'failed', 'interrupted')),
  -- What the command answers with --json, or the error.
  result     jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX console_request_event_request ON history_cdc.console_request_event (request_id, id);
-- A request begins once and is interrupted once. Its end may come after it was taken for interrupted: the newest row counts.
CREATE UNIQUE INDEX console_request_event_once ON history_cdc.console_request_event (request_id, event);

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['console_request', 'console_request_event'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history_cdc.%I
      FOR EACH ROW EXECUTE FUNCTION history_cdc.refuse_change()', name);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON history_cdc.%I
      FOR EACH STATEMENT EXECUTE FUNCTION history_cdc.refuse_change()', name);
    EXECUTE format('ALTER TABLE history_cdc.%I ENABLE ALWAYS TRIGGER append_only', name);
    EXECUTE format('ALTER TABLE history_cdc.%I ENABLE ALWAYS TRIGGER append_only_truncate', name);
    EXECUTE format('CREATE TRIGGER stamp BEFORE INSERT ON history_cdc.%I
      FOR EACH ROW EXECUTE FUNCTION history_cdc.stamp_action()', name);
  END LOOP;
END
$$;
