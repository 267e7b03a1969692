-- What is known before somebody is asked whether all is well: every row that was committed by then, and its fate.
DROP TABLE IF EXISTS demo.known;
CREATE TABLE demo.known AS SELECT legacy_id, decisions, path, live_run_id, pair_group FROM demo.expected;
