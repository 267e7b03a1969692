-- Rows that were written since a snapshot, by the transaction id that Postgres keeps with each version of a row. An id of 32
-- bits is taken as the newest one that has been given out: that is certain as long as fewer than 2^32 transactions have begun
-- since the snapshot. Every transaction below the xmin of the snapshot was over by then, also those inside others.
-- $1 the snapshot
WITH bound AS (
  SELECT pg_snapshot_xmin($1::pg_snapshot)::text::bigint AS verified,
         pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next
),
versions AS (
  SELECT t.id, t.xmin::text::bigint AS low FROM public.agent_test_history t
),
dated AS (
  SELECT v.id, b.verified,
         CASE WHEN v.low < 3 THEN 0
              WHEN (b.next & ~4294967295) + v.low < b.next THEN (b.next & ~4294967295) + v.low
              ELSE (b.next & ~4294967295) + v.low - 4294967296 END AS written
  FROM versions v CROSS JOIN bound b
)
SELECT count(*)::text AS rows, count(*) FILTER (WHERE written >= verified)::text AS since,
       coalesce((array_agg(id::text) FILTER (WHERE written >= verified))[1:10], '{}') AS ids,
       (SELECT next < verified FROM bound) AS "isOtherServer"
FROM dated
