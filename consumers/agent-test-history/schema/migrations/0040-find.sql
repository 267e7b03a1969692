-- For `history-cdc find` and the console. Rows newest first: those without a known start come last.
CREATE INDEX ledger_newest ON history_cdc.ledger (coalesce(started_at, '-infinity'::timestamptz), legacy_id);
-- What a search names. A B-tree for each of these columns would cost the projector a tenth of its throughput; a block range
-- index costs next to nothing to write, and finds the blocks that may hold the value.
CREATE INDEX ledger_find ON history_cdc.ledger
  USING brin (agent_url text_bloom_ops, organization_id text_bloom_ops, user_id text_bloom_ops, decision text_bloom_ops,
              reason text_bloom_ops)
  WITH (pages_per_range = 1, autosummarize = on);
