-- What the writer will do to the history while it streams, chosen before it starts: each story takes the contexts
-- of its own sixth of the organisations, so no two stories meet in one row. Contexts with large profiles come
-- first, for a merge leaves those out of the event; but not contexts with very many rows, or moving them would take
-- all of the stream's time. The contexts of the stories get no streamed rows, and those of the hard cases no story.
CREATE TABLE demo.story (n integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, story text NOT NULL, context_id uuid NOT NULL UNIQUE, target_id uuid);

WITH living AS (
  SELECT c.*, a.opted_out, coalesce(h.rows, 0) AS rows, CASE WHEN h.rows <= 100 THEN -h.large_rows ELSE h.rows END AS preference
  FROM demo.context c
       LEFT JOIN demo.agent a ON a.n = c.agent_n
       LEFT JOIN (SELECT agent_context_id, count(*) AS rows, count(*) FILTER (WHERE pg_column_size(agent_profile_json) > 8000) AS large_rows
                  FROM agent_test_history GROUP BY agent_context_id) AS h ON h.agent_context_id = c.id
  WHERE c.slot IS NOT NULL AND c.id NOT IN (SELECT context_id FROM demo.run WHERE hard_case IS NOT NULL)
), paired AS (
  SELECT DISTINCT ON (source.organisation_n)
         CASE source.organisation_n % 6
           WHEN 0 THEN 'merged with its duplicate'
           WHEN 1 THEN 'merged to another agent of its owner'
           WHEN 2 THEN 'merged to an agent that its owner does not list'
           WHEN 3 THEN 'merged from a foreign agent to an own one'
           WHEN 4 THEN 'context deleted'
         END AS story,
         source.id AS context_id, target.id AS target_id, source.preference
  FROM living source LEFT JOIN living target ON target.organisation_n = source.organisation_n AND target.id <> source.id
  WHERE source.rows > 0 AND CASE source.organisation_n % 6
    WHEN 0 THEN source.duplicate AND NOT target.duplicate AND target.agent_n = source.agent_n
    WHEN 1 THEN source.kind = 'owned' AND target.kind = 'owned' AND target.agent_n <> source.agent_n AND NOT target.opted_out
    WHEN 2 THEN source.kind = 'owned' AND NOT source.opted_out AND target.kind = 'foreign'
    WHEN 3 THEN source.kind = 'foreign' AND target.kind = 'owned'
    WHEN 4 THEN true
  END
  ORDER BY source.organisation_n, source.preference, source.id, target.id
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY story ORDER BY preference, context_id) AS rank FROM paired
)
INSERT INTO demo.story (story, context_id, target_id)
SELECT story, context_id, CASE WHEN story <> 'context deleted' THEN target_id END FROM ranked WHERE rank <= 10
ORDER BY rank, story;

-- Contexts that live for a moment only, in the last sixth: made, written to, and merged or deleted at once. The
-- target is the owner's proper context of the same agent.
INSERT INTO demo.story (story, context_id, target_id)
SELECT (ARRAY['created and deleted in one transaction', 'deleted right after its rows', 'merged right after its rows', 'created and merged in one transaction'])[1 + row % 4],
       demo.uuid('short-lived context', row), id
FROM (
  SELECT c.id, row_number() OVER (ORDER BY demo.roll('short-lived', c.slot), c.id)::integer AS row
  FROM demo.context c JOIN demo.agent a ON a.n = c.agent_n
  WHERE c.kind = 'owned' AND c.slot IS NOT NULL AND NOT c.duplicate AND NOT a.opted_out AND c.organisation_n % 6 = 5
) AS numbered WHERE row <= 32;
INSERT INTO demo.context (id, organisation_n, organization_id, agent_n, agent_url, kind)
SELECT s.context_id, c.organisation_n, c.organization_id, c.agent_n, '  ' || upper(a.url) || '///', c.kind
FROM demo.story s JOIN demo.context c ON c.id = s.target_id JOIN demo.agent a ON a.n = c.agent_n
WHERE NOT EXISTS (SELECT FROM demo.context d WHERE d.id = s.context_id);

-- One row in a hundred of the organisations without a story of their own is deleted alone, but no more than 200.
CREATE TABLE demo.doomed_row AS
SELECT e.legacy_id, row_number() OVER (ORDER BY e.legacy_id) AS n
FROM demo.expected e JOIN demo.context c ON c.id = e.context_id
WHERE e.origin = 'snapshot' AND ('x' || right(e.legacy_id::text, 4))::bit(16)::integer % 100 = 0
  AND NOT EXISTS (SELECT FROM demo.story s WHERE s.context_id = e.context_id)
ORDER BY e.legacy_id LIMIT 200;

UPDATE demo.context SET slot = NULL WHERE id IN (SELECT context_id FROM demo.story);
WITH numbered AS (SELECT id, row_number() OVER (PARTITION BY kind ORDER BY id) - 1 AS slot FROM demo.context WHERE slot IS NOT NULL)
UPDATE demo.context SET slot = numbered.slot FROM numbered WHERE numbered.id = context.id;
UPDATE demo.context_slots SET slots = (SELECT count(slot) FROM demo.context c WHERE c.kind = context_slots.kind);

-- What is written to the short-lived contexts: two runs with large profiles, one of an outsider, one of nobody.
CREATE TABLE demo.template AS
SELECT row_number() OVER (ORDER BY large DESC, id) AS k, CASE WHEN large THEN 'member' END AS who, picked.*
FROM (
  (SELECT true AS large, h.* FROM agent_test_history h WHERE pg_column_size(agent_profile_json) > 8000 ORDER BY id LIMIT 2)
  UNION ALL
  (SELECT false, h.* FROM agent_test_history h WHERE pg_column_size(agent_profile_json) < 8000 ORDER BY id LIMIT 2)
) AS picked;
UPDATE demo.template SET who = CASE k WHEN 3 THEN 'outsider' ELSE 'anonymous' END WHERE who IS NULL;
