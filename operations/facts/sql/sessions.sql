-- Transactions that have been open for long: a new slot waits for each that is older than itself, and VACUUM waits too.
-- $1 the connector's role (its snapshot is one long transaction, as it should be), $2 seconds from which one is long
SELECT json_build_object(
  'long', (SELECT coalesce(json_agg(json_build_object(
      'pid', pid, 'role', usename::text, 'application', application_name, 'state', state,
      'seconds', extract(epoch FROM clock_timestamp() - xact_start)::bigint) ORDER BY xact_start), '[]')
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND usename IS DISTINCT FROM $1
      AND xact_start < clock_timestamp() - $2::integer * interval '1 second'),
  -- Sessions of other roles of which this one sees no more than that they are there.
  'hidden', (SELECT count(*) FROM pg_stat_activity
    WHERE usename IS DISTINCT FROM $1 AND usename IS NOT NULL AND query = '<insufficient privilege>'),
  'prepared', (SELECT coalesce(json_agg(json_build_object(
      'gid', gid, 'database', database::text, 'seconds', extract(epoch FROM clock_timestamp() - prepared)::bigint)
      ORDER BY prepared), '[]') FROM pg_prepared_xacts),
  'role', current_user::text
) AS facts
