-- What the fence has noted of itself, and of the drop.
SELECT id::text, fenced_at AS "fencedAt", fenced_by AS "fencedBy", xid::text, table_oid::text AS "tableOid",
       dropped_at AS "droppedAt", extract(epoch FROM clock_timestamp() - fenced_at)::float8 AS "fencedSeconds"
FROM history_cdc_fence.fence
