-- What a run of `reconcile` compared. `whole`: everything. `since`: only rows that changed after a moment; its verdict is
-- never `proven`. `background`: the one run that `project` never ends; its findings are what is wrong at present.
ALTER TABLE history_cdc.reconcile_run ADD COLUMN scope text NOT NULL DEFAULT 'whole'
  CHECK (scope IN ('whole', 'since', 'background'));
-- The moment of a run of the scope `since`.
ALTER TABLE history_cdc.reconcile_run ADD COLUMN since timestamptz;
ALTER TABLE history_cdc.reconcile_run ADD CHECK ((scope = 'since') = (since IS NOT NULL));
ALTER TABLE history_cdc.reconcile_run DROP CONSTRAINT reconcile_run_verdict_check;
ALTER TABLE history_cdc.reconcile_run ADD CONSTRAINT reconcile_run_verdict_check
  CHECK (CASE scope WHEN 'whole' THEN verdict IN ('proven', 'wrong', 'not_proven')
                    WHEN 'since' THEN verdict IN ('changes_proven', 'wrong', 'not_proven')
                    ELSE verdict IS NULL END);
CREATE UNIQUE INDEX reconcile_run_background ON history_cdc.reconcile_run (scope) WHERE scope = 'background';
-- The findings that were looked at longest ago are looked at again first.
CREATE INDEX reconcile_finding_seen ON history_cdc.reconcile_finding (run_id, seen_at);

-- Both databases' snapshots at a moment. A row that a snapshot does not see has changed since; so what changed is found
-- without a column, an index or a trigger, and whoever changed it.
CREATE TABLE history_cdc.mark (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- By the canonical database's clock, after the snapshots were taken: what changed later, none of them sees.
  at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  canonical pg_snapshot NOT NULL,
  legacy    pg_snapshot NOT NULL
);
CREATE INDEX mark_at ON history_cdc.mark (at);

-- How far the verification that runs inside `project` has come. One row, for all projectors together.
CREATE TABLE history_cdc.verification (
  run_id          bigint PRIMARY KEY REFERENCES history_cdc.reconcile_run ON DELETE CASCADE,
  -- Grows with every step. A step that was made from an older state is rolled back.
  step            bigint NOT NULL DEFAULT 0,
  -- When a projector was last here, also where it only waited; which one; and the share that it was given.
  alive_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  alive_by        text NOT NULL,
  rows_per_second integer NOT NULL,
  -- When the last step was done, and when the next one may be: no projector begins one earlier.
  moved_at        timestamptz,
  rest_until      timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Since when it yields to something else, and to what: names and figures.
  held_since      timestamptz,
  held_because    text,
  -- The first failure since the last step that was done: a code, and never a text, which may hold a value.
  failed_at       timestamptz,
  failure         text CHECK (failure ~ '^\w{1,60}$'),
  -- The pass over everything that is under way.
  pass_began_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  release         text NOT NULL,
  rule_version    smallint NOT NULL,
  phase           text NOT NULL DEFAULT 'legacy' CHECK (phase IN ('legacy', 'ledger', 'canonical', 'pairs', 'rest')),
  last_id         uuid,
  legacy_rows     bigint NOT NULL DEFAULT 0,
  ledger_rows     bigint NOT NULL DEFAULT 0,
  canonical_rows  bigint NOT NULL DEFAULT 0,
  -- Rows of the ledger that changed. All that `changed_from` sees was compared. `changed_to` is the next snapshot to compare
  -- up to; `changed_at` is the place in the table that this walk has come to (NULL: none is under way).
  changed_from    pg_snapshot NOT NULL,
  changed_from_at timestamptz NOT NULL DEFAULT statement_timestamp(),
  changed_to      pg_snapshot NOT NULL,
  changed_to_at   timestamptz NOT NULL DEFAULT statement_timestamp(),
  changed_at      tid,
  -- How many were compared in all; how many waited at the last count, and when it was.
  changed_rows    bigint NOT NULL DEFAULT 0,
  waiting_rows    bigint NOT NULL DEFAULT 0,
  waiting_at      timestamptz,
  CHECK ((held_since IS NULL) = (held_because IS NULL)),
  CHECK ((failed_at IS NULL) = (failure IS NULL))
);

-- Passes over everything that came to their end.
CREATE TABLE history_cdc.verification_pass (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  began_at       timestamptz NOT NULL,
  ended_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  release        text NOT NULL,
  rule_version   smallint NOT NULL,
  legacy_rows    bigint NOT NULL,
  ledger_rows    bigint NOT NULL,
  canonical_rows bigint NOT NULL,
  -- Findings at its end: certain ones, and those that were still to be looked at again.
  wrong          bigint NOT NULL,
  waiting        bigint NOT NULL
);
