-- The current verdict of an agent, as the application keeps it. $1 the URL in its canonical spelling
SELECT status::text AS status, last_checked_at::text AS "checkedAt", headline, streak_days AS "streakDays"
FROM public.agent_compliance_status WHERE agent_url = $1::text
