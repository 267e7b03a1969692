-- Judges the ledger and the canonical tables after the window by what really happened (truth.sql): no function of
-- history_cdc and no file of the projector is used. truth.violation is empty if all is well.
CREATE VIEW truth.our_row AS
SELECT (observations_json ->> 'backfill_source_id')::uuid AS legacy_id, r AS row
FROM agent_compliance_runs r WHERE observations_json ->> 'backfill_script' = 'history-cdc';

-- One row a run that was recorded.
CREATE VIEW truth.known AS
SELECT t.*, 'run ' || t.run || ' (' || t.kind || ')' AS name, h.legacy_id, h.phase, h.row AS legacy, l.live_id,
       l.row AS live, d.decision, d.reason, d.canonical_run_id, d.snapshot, f.fate,
       o.decision AS decision_while_open, coalesce(our.rows, 0) AS ours, our.id AS our_id, (r.id IS NOT NULL)::integer AS lives
FROM truth.run t
LEFT JOIN truth.legacy_row h USING (run)
LEFT JOIN truth.live_row l USING (run)
LEFT JOIN agent_compliance_runs r ON r.id = l.live_id
LEFT JOIN history_cdc.ledger d ON d.legacy_id = h.legacy_id
LEFT JOIN (SELECT legacy_id, count(*) AS rows, min((row).id::text)::uuid AS id FROM truth.our_row GROUP BY legacy_id) AS our
  ON our.legacy_id = h.legacy_id
LEFT JOIN truth.fate f USING (run)
LEFT JOIN truth.open_live o USING (run)
WHERE h.run IS NOT NULL OR l.run IS NOT NULL;

-- What nobody can know from the application's tables, and by how many canonical rows it shifts what must be.
CREATE VIEW truth.exception AS
-- The context went before the projector came to look, so nobody knows the agent any more.
SELECT 'context gone unseen' AS what, alike, -1 AS rows FROM truth.known
WHERE kind = 'context deleted' AND fate = 'context deleted' AND live_id IS NULL AND decision = 'orphaned'
UNION ALL
-- One run has a legacy row only, another one a live row only, and nothing tells that they are two.
SELECT 'indistinguishable', alike, -least(count(*) FILTER (WHERE live_id IS NULL), count(*) FILTER (WHERE legacy_id IS NULL))
FROM truth.known WHERE kind = 'indistinguishable' GROUP BY alike
UNION ALL
-- No headline, no duration, no two profiles to compare: a person has to say that the two rows are one run.
SELECT 'weak fingerprint', alike, 1 FROM truth.known
WHERE kind = 'weak, without profiles' AND decision = 'projected' AND reason = 'weak_fingerprint' AND live_id IS NOT NULL
  AND (legacy).summary IS NULL AND (legacy).total_duration_ms IS NULL
  AND ((legacy).agent_profile_json IS NULL OR (live).agent_profile_json IS NULL);

-- Owners' runs that look alike: as many canonical rows stand for them as there are runs.
CREATE VIEW truth.balance AS
SELECT alike, min(kind) AS kind, sum(ours + lives) AS stand, count(*) + coalesce(min(excepted.rows), 0) AS must
FROM truth.known
LEFT JOIN (SELECT alike, sum(rows) AS rows FROM truth.exception GROUP BY alike) AS excepted USING (alike)
WHERE standing = 'owner' GROUP BY alike;

-- Twins by the ledger, with both rows as they were written.
CREATE VIEW truth.twin AS
SELECT k.name, k.alike, k.legacy, k.organization_id, k.agent_url, k.decision_while_open, l.row AS live, other.alike AS live_alike
FROM truth.known k
JOIN truth.live_row l ON l.live_id = k.canonical_run_id
LEFT JOIN truth.run other ON other.run = l.run
WHERE k.decision = 'twin';

CREATE VIEW truth.wrong_link AS
SELECT 'link to no canonical row' AS what, legacy_id::text AS subject FROM history_cdc.ledger
WHERE canonical_run_id IS NOT NULL AND canonical_run_id NOT IN (SELECT id FROM agent_compliance_runs)
UNION ALL
SELECT 'two links to one canonical row', canonical_run_id::text FROM history_cdc.ledger
WHERE canonical_run_id IS NOT NULL GROUP BY canonical_run_id HAVING count(*) > 1
UNION ALL
SELECT 'row of ours without its link', (r.row).id::text FROM truth.our_row r
WHERE NOT EXISTS (SELECT FROM history_cdc.ledger d
                  WHERE d.legacy_id = r.legacy_id AND d.canonical_run_id = (r.row).id AND d.decision = 'projected')
UNION ALL
SELECT 'projected without a row of ours', name FROM truth.known k
WHERE decision = 'projected' AND NOT EXISTS (SELECT FROM truth.our_row r WHERE r.legacy_id = k.legacy_id AND (r.row).id = k.canonical_run_id)
UNION ALL
SELECT 'twin of no live row', name FROM truth.known k
WHERE decision = 'twin' AND NOT EXISTS (SELECT FROM truth.live_row l WHERE l.live_id = k.canonical_run_id AND l.run IS NOT NULL)
UNION ALL
SELECT 'twin of another run', name FROM truth.twin WHERE live_alike <> alike
UNION ALL
SELECT 'impossible twin', name FROM truth.twin
WHERE (live).agent_url <> agent_url OR (live).triggered_by <> 'owner_test' OR (live).headline IS DISTINCT FROM (legacy).summary
   OR coalesce((live).total_duration_ms, 0) <> coalesce((legacy).total_duration_ms, 0)
   OR ((live).overall_status = 'passing') <> (legacy).overall_passed
   OR (live).triggered_org_id <> organization_id OR (live).agent_profile_json <> (legacy).agent_profile_json
   OR abs(extract(epoch FROM (live).tested_at - (legacy).started_at)) > 120
   OR ((live).headline IS NULL AND coalesce((live).total_duration_ms, 0) = 0
       AND ((live).agent_profile_json IS NULL OR (legacy).agent_profile_json IS NULL))
UNION ALL
SELECT 'owner''s row without a link', name FROM truth.known
WHERE standing = 'owner' AND legacy_id IS NOT NULL AND canonical_run_id IS NULL
  AND (decision, fate) IS DISTINCT FROM ('orphaned', 'context deleted');

CREATE VIEW truth.wrong_row AS
SELECT 'live row gone' AS what, l.live_id::text AS subject FROM truth.live_row l
WHERE l.live_id NOT IN (SELECT id FROM agent_compliance_runs)
UNION ALL
SELECT 'live row changed', l.live_id::text FROM truth.live_row l JOIN agent_compliance_runs r ON r.id = l.live_id
WHERE r.xmin::text <> l.xid OR r::text <> l.row::text
UNION ALL
SELECT 'live row that nobody wrote', id::text FROM agent_compliance_runs
WHERE observations_json ->> 'backfill_source' IS NULL AND id NOT IN (SELECT live_id FROM truth.live_row)
UNION ALL
SELECT 'verdict touched', coalesce(t.agent_url, s.agent_url)
FROM truth.status t FULL JOIN (SELECT agent_url, xmin::text AS xid, s::text AS row FROM agent_compliance_status s) AS s
  ON (s.agent_url, s.xid, s.row) = (t.agent_url, t.xid, t.row)
WHERE s.agent_url IS NULL OR t.agent_url IS NULL
UNION ALL
SELECT 'projected row differs from the legacy row', h.id::text
FROM agent_test_history h
JOIN agent_contexts c ON c.id = h.agent_context_id
JOIN history_cdc.ledger d ON d.legacy_id = h.id AND d.decision = 'projected'
JOIN truth.our_row o ON (o.row).id = d.canonical_run_id
WHERE ((o.row).agent_url, (o.row).triggered_org_id, (o.row).headline, (o.row).total_duration_ms, (o.row).overall_status = 'passing',
       (o.row).tested_at, (o.row).tracks_passed, (o.row).agent_profile_json::text)
  IS DISTINCT FROM (rtrim(c.agent_url, '/'), c.organization_id, h.summary, h.total_duration_ms, h.overall_passed,
                    h.started_at, h.steps_passed, h.agent_profile_json::text);

-- What was looked at, and how much of it there must be for the rest to mean anything.
CREATE VIEW truth.looked_at AS
WITH least (kind, least) AS (
  VALUES ('old pod', 80), ('dual write', 80), ('live write failed', 30), ('new pod', 40), ('quiet agent', 4),
         ('live commits just after', 15), ('live commits late', 8), ('live aborts', 6), ('deleted before live commits', 2),
         ('stranger', 30), ('stranger beside owner', 50), ('outsider in the context', 10), ('anonymous in the context', 10),
         ('opted out', 10), ('opts out', 6), ('heartbeat beside owner', 4), ('identical', 40), ('indistinguishable', 6),
         ('same again after minutes', 8), ('one agent, two owners', 18), ('weak, with profiles', 6), ('weak, without profiles', 3),
         ('weak straggler', 4), ('merged', 30), ('moved', 10), ('moved when linked', 4), ('row deleted', 10), ('context deleted', 8)
), counted (what, found, least) AS (
  SELECT 'runs: ' || kind, (SELECT count(*) FROM truth.known k WHERE k.kind = l.kind), least FROM least l
  UNION ALL
  SELECT 'legacy rows written: ' || phase, (SELECT count(*) FROM truth.legacy_row h WHERE h.phase = p.phase), least
  FROM (VALUES ('before', 50), ('applying', 20), ('streaming', 200)) AS p (phase, least)
  UNION ALL
  SELECT 'decided: ' || decision, (SELECT count(*) FROM truth.known k WHERE k.decision = d.decision), least
  FROM (VALUES ('projected', 200), ('twin', 200), ('third_party', 80), ('anonymous', 8), ('opted_out', 12)) AS d (decision, least)
  UNION ALL
  SELECT 'came by the snapshot', count(*) FILTER (WHERE snapshot), 50 FROM truth.known
  UNION ALL
  SELECT 'came by the stream', count(*) FILTER (WHERE NOT snapshot), 200 FROM truth.known
  UNION ALL
  SELECT 'merged', count(*) FILTER (WHERE fate = 'merged'), 20 FROM truth.known
  UNION ALL
  SELECT 'moved', count(*) FILTER (WHERE fate = 'moved'), 10 FROM truth.known
  UNION ALL
  SELECT 'deleted', count(*) FILTER (WHERE fate LIKE '%deleted'), 20 FROM truth.known
  UNION ALL
  SELECT fact, count(*) FILTER (WHERE holds), least
  FROM truth.twin, LATERAL (VALUES
    ('twin: projected before the live row was there', decision_while_open = 'projected', 10),
    ('twin: partial', (live).overall_status = 'partial', 15),
    ('twin: live duration 0, legacy NULL', (live).total_duration_ms = 0 AND (legacy).total_duration_ms IS NULL, 15),
    ('twin: no duration', (live).total_duration_ms IS NULL, 15),
    ('twin: no headline', (live).headline IS NULL, 5),
    ('twin: organisation named', (live).triggered_org_id IS NOT NULL, 50),
    ('twin: organisation not named', (live).triggered_org_id IS NULL, 50),
    ('twin: profile in one row only', ((live).agent_profile_json IS NULL) <> ((legacy).agent_profile_json IS NULL), 20),
    ('twin: counts differ', (live).tracks_passed <> (legacy).steps_passed, 10)
  ) AS f (fact, holds, least) GROUP BY fact, least
)
SELECT what, found::integer, least FROM counted;

CREATE VIEW truth.violation AS
SELECT CASE WHEN stand > must THEN 'doubled' ELSE 'lost' END AS what, 'alike ' || alike || ' (' || kind || '): ' || stand || ' for ' || must AS subject
FROM truth.balance WHERE stand <> must
UNION ALL
SELECT 'doubled', name FROM truth.known WHERE ours > 1
UNION ALL
SELECT 'elevated', name FROM truth.known
WHERE standing IN ('third_party', 'anonymous') AND (ours > 0 OR canonical_run_id IS NOT NULL)
UNION ALL
SELECT 'opted out and projected', name FROM truth.known
WHERE standing = 'opted_out' AND (ours > 0 OR canonical_run_id IS NOT NULL)
UNION ALL
SELECT 'decided as ' || coalesce(decision, 'nothing') || ', is ' || standing, name FROM truth.known
WHERE legacy_id IS NOT NULL AND standing <> 'owner' AND decision IS DISTINCT FROM standing
UNION ALL
SELECT 'not in the ledger', name FROM truth.known WHERE legacy_id IS NOT NULL AND decision IS NULL
UNION ALL
SELECT 'in the ledger, and never was', legacy_id::text FROM history_cdc.ledger WHERE legacy_id NOT IN (SELECT legacy_id FROM truth.legacy_row)
UNION ALL
SELECT 'row of ours for nothing', (row).id::text FROM truth.our_row
WHERE legacy_id IS NULL OR legacy_id NOT IN (SELECT legacy_id FROM truth.legacy_row)
UNION ALL
SELECT what, subject FROM truth.wrong_link
UNION ALL
SELECT what, subject FROM truth.wrong_row
UNION ALL
SELECT 'record in quarantine', coalesce(legacy_id::text, 'no key') || ': ' || reason FROM history_cdc.quarantine WHERE healed_at IS NULL
UNION ALL
SELECT 'too few looked at', what || ': ' || found || ' of ' || least FROM truth.looked_at WHERE found < least
UNION ALL
SELECT 'too many exceptions', what || ': ' || count(*) FROM truth.exception GROUP BY what
HAVING count(*) > CASE what WHEN 'context gone unseen' THEN 4 ELSE 3 END;
