-- Stores how a sweep ended, in place of the previous sweep with that outcome. $1 the outcome, $2 the command, $3 its
-- seconds; if it was done, $4 to $9 its counts; if it failed, $10 the error's code
INSERT INTO history_cdc.last_sweep (outcome, swept_by, began_at, ended_at, absorbed, relinked, late_owners, settled, blocked,
                                    late_owners_reported, error_code)
SELECT $1, $2, ended_at - $3::float8 * interval '1 second', ended_at, $4::integer, $5::integer, $6::integer, $7::integer,
       $8::integer, $9::integer, $10
FROM (SELECT clock_timestamp() AS ended_at) AS now
ON CONFLICT (outcome) DO UPDATE
SET (swept_by, began_at, ended_at, absorbed, relinked, late_owners, settled, blocked, late_owners_reported, error_code) =
  (EXCLUDED.swept_by, EXCLUDED.began_at, EXCLUDED.ended_at, EXCLUDED.absorbed, EXCLUDED.relinked, EXCLUDED.late_owners,
   EXCLUDED.settled, EXCLUDED.blocked, EXCLUDED.late_owners_reported, EXCLUDED.error_code)
