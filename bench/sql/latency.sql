-- Of the legacy rows number $1 to $2: from the commit of each to the commit that made it visible in the target, by the
-- server's own clock (track_commit_timestamp). Both are stamped just before their commit is written to disk, so that time is
-- left out at the end and counted at the start. Nobody asks for the rows while they are on their way.
SELECT extract(epoch FROM pg_xact_commit_timestamp(t.xmin) - pg_xact_commit_timestamp(h.xmin))::float8 * 1000 AS ms
FROM generate_series($1::bigint, $2::bigint) AS run (n)
     JOIN agent_test_history h ON h.id = bench.id('run', run.n)
     JOIN {{target}} t ON t.{{key}} = h.id
