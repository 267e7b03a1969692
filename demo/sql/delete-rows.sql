-- Deletes rows, after keeping what they looked like. What was decided stays decided.
WITH deleted AS (
  DELETE FROM agent_test_history WHERE id = ANY ($1::uuid[]) RETURNING *
), kept AS (
  INSERT INTO demo.deleted_row SELECT * FROM deleted
), noted AS (
  UPDATE demo.expected e SET story = 'deleted' FROM deleted d WHERE d.id = e.legacy_id
)
SELECT count(*)::integer AS rows FROM deleted
