-- The role of this session, and whether it may drop a replication slot: by itself, or as a member of the role by which a
-- hosting service gives that right.
SELECT current_user AS role, current_database() AS database,
       rolreplication OR rolsuper OR EXISTS (
         SELECT FROM pg_roles s WHERE s.rolname IN ('rds_replication', 'rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin')
           AND pg_has_role(r.oid, s.oid, 'member')) AS may_drop_slots
FROM pg_roles r WHERE rolname = current_user
