-- How the last sweep ended that did its work, and the last one that failed: a row each, written over by the next. Times by
-- this database's own clock; counts and codes, never values of rows.
CREATE TABLE history_cdc.last_sweep (
  outcome              text PRIMARY KEY CHECK (outcome IN ('done', 'failed')),
  swept_by             text NOT NULL CHECK (swept_by IN ('project', 'sweep')),
  began_at             timestamptz NOT NULL,
  ended_at             timestamptz NOT NULL,
  -- What it did and found. NULL of one that failed: nobody knows how far it came.
  absorbed             integer,
  relinked             integer,
  late_owners          integer,
  settled              integer,
  blocked              integer,
  late_owners_reported integer,
  -- SQLSTATE, the system's code, or the name of the error.
  error_code           text CHECK (error_code ~ '^\w{1,60}$'),
  CHECK ((outcome = 'failed') = (error_code IS NOT NULL)),
  CHECK (num_nulls(absorbed, relinked, late_owners, settled, blocked, late_owners_reported)
         = CASE outcome WHEN 'failed' THEN 6 ELSE 0 END)
);
