-- The last sweep with each outcome, and how long ago it ended by this database's clock.
SELECT outcome, swept_by, began_at, ended_at, extract(epoch FROM ended_at - began_at)::float8 AS seconds,
       extract(epoch FROM clock_timestamp() - ended_at)::float8 AS seconds_ago,
       absorbed, relinked, late_owners, settled, blocked, late_owners_reported, error_code
FROM history_cdc.last_sweep
