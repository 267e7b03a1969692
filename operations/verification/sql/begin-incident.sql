-- One incident per pass of the verification. $1 ids of what is wrong, $2 the kinds
INSERT INTO history_cdc.incident (kind, subject, began_at, ids, detail)
SELECT 'wrong_verdict', 'verification ' || to_char(v.pass_began_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), clock_timestamp(), $1::text[], $2
FROM history_cdc.verification v
ON CONFLICT (kind, subject) DO NOTHING
