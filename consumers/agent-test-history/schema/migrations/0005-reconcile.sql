-- One run of `reconcile`: how far it came, so that the next call goes on from there, and what it found in the end.
CREATE TABLE history_cdc.reconcile_run (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- When the last chunk was compared.
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at    timestamptz,
  rule_version   smallint NOT NULL,
  phase          text NOT NULL CHECK (phase IN ('legacy', 'ledger', 'canonical', 'pairs', 'recheck', 'done')),
  -- The last key of the phase that was compared; NULL before the first.
  last_id        uuid,
  legacy_rows    bigint NOT NULL DEFAULT 0,
  ledger_rows    bigint NOT NULL DEFAULT 0,
  canonical_rows bigint NOT NULL DEFAULT 0,
  -- Rows of the ledger by decision, counted at the end.
  decisions      jsonb,
  verdict        text CHECK (verdict IN ('proven', 'wrong', 'not_proven')),
  CHECK ((phase = 'done') = (verdict IS NOT NULL)),
  CHECK ((phase = 'done') = (finished_at IS NOT NULL))
);

-- What a run found, every row of it. `suspect` until it was looked at again; what is gone by then is deleted.
CREATE TABLE history_cdc.reconcile_finding (
  run_id           bigint NOT NULL REFERENCES history_cdc.reconcile_run ON DELETE CASCADE,
  phase            text NOT NULL,
  kind             text NOT NULL,
  severity         text NOT NULL GENERATED ALWAYS AS (
    CASE WHEN kind IN ('pruned', 'weak_twin', 'script_elevated', 'script_doubled', 'owner_then', 'owner_by_now')
      THEN 'info' ELSE 'wrong' END) STORED,
  legacy_id        uuid,
  canonical_run_id uuid,
  -- Which fields differ, or what else there is to know; names, never values.
  fields           text[] NOT NULL DEFAULT '{}',
  state            text NOT NULL DEFAULT 'suspect' CHECK (state IN ('suspect', 'confirmed', 'in_flight')),
  -- The rule of the file of accepted differences that covers it.
  accepted_by      text,
  suspected_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  subject          text NOT NULL GENERATED ALWAYS AS (
    coalesce(legacy_id::text, '') || ' ' || coalesce(canonical_run_id::text, '')) STORED,
  PRIMARY KEY (run_id, kind, subject)
);

-- Canonical rows that retention took, each recorded once: what is in here is not lost.
CREATE TABLE history_cdc.pruned (
  canonical_run_id uuid PRIMARY KEY,
  legacy_id        uuid NOT NULL,
  recorded_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
