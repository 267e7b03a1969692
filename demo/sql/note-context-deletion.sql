-- Keeps what the rows of context $1 look like, and notes that they are about to vanish with it. $3 says what else the
-- ledger may call a row that it had not decided by then: where nobody could ever see the context ($4), only that.
WITH doomed AS (
  SELECT * FROM agent_test_history WHERE agent_context_id = $1
), kept AS (
  INSERT INTO demo.deleted_row SELECT * FROM doomed
), noted AS (
  UPDATE demo.expected e
  SET story = $2,
      decisions = CASE WHEN e.decisions = '{anonymous}' THEN e.decisions || array_remove($3::text[], 'orphaned')
                       WHEN $4 THEN $3::text[]
                       ELSE e.decisions || $3::text[] END
  FROM doomed d WHERE d.id = e.legacy_id
)
SELECT count(*)::integer AS rows FROM doomed
