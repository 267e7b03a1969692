-- What the live path has written, by its rows' own times. A row that is dated in the future says nothing about the past; it
-- is counted, because it shows that a clock is wrong.
SELECT min(r.tested_at) FILTER (WHERE r.tested_at <= clock_timestamp()) AS "first",
       max(r.tested_at) FILTER (WHERE r.tested_at <= clock_timestamp()) AS "last",
       count(*) FILTER (WHERE r.tested_at > clock_timestamp() + interval '5 minutes')::integer AS "inFuture",
       -- The next sweep says which of these the live path did not record.
       EXISTS (SELECT FROM history_cdc.ledger l
               WHERE l.reason = 'owner' AND l.decided_at < clock_timestamp() - interval '10 minutes') AS "unnamed"
FROM public.agent_compliance_runs r
WHERE history_cdc.is_live_run(r.triggered_by, r.observations_json) AND r.tested_at > '-infinity'
