-- How often `undo` has taken rows back, in one row. A projector and a replay read the generation when their process starts, and
-- compare it in each of their transactions. `undo` raises it in each of its own, so that a process that started earlier
-- commits nothing more, whether it holds a connection at the moment or not.
CREATE TABLE history_cdc.undo_fence (
  is_only    boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  generation bigint NOT NULL DEFAULT 0
);
INSERT INTO history_cdc.undo_fence DEFAULT VALUES;
