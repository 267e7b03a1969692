import type { Pool } from '../../lib/postgres.ts';
import type { HiddenRows } from '../../lib/sees-whole.ts';
import { readConnectorHidden } from './visible-rows.ts';
import { type Sql } from '../../lib/quoting.ts';

/** What the legacy database is like, as far as the connector depends on it. */
export interface SourceFacts {
  readonly serverVersion: number;
  readonly walLevel: string;
  readonly dataTable: boolean;
  readonly replicaIdentity: string | null;
  readonly primaryKey: boolean;
  /** Names of the columns of the primary key; empty where there is none. */
  readonly keyColumns: readonly string[];
  /** Whether agent_test_history is partitioned. */
  readonly partitioned: boolean;
  /** Tables that inherit from agent_test_history, `schema.table`, quoted: their rows are streamed under their own names. */
  readonly inheriting: readonly Sql[];
  readonly signalTable: boolean;
  readonly heartbeatTable: boolean;
  readonly publication: PublicationFacts | null;
  readonly role: RoleFacts | null;
  readonly slot: SlotFacts | null;
  readonly slotsInUse: number;
  readonly slotsAllowed: number;
  /** Tables of which the connector's role may see less than all rows. */
  readonly hidden: readonly HiddenRows[];
}

export interface PublicationFacts {
  readonly allTables: boolean;
  /** schema.table, sorted. */
  readonly tables: readonly string[];
  readonly everyOperation: boolean;
  /** `publish_via_partition_root`: the changes of partitions come under the name of the partitioned table. */
  readonly viaRoot: boolean;
  /** A row filter or a column list leaves changes out. */
  readonly narrowed: boolean;
}

export interface RoleFacts {
  readonly mayReplicate: boolean;
  /** Rights that are missing, as GRANT names them. */
  readonly missing: readonly string[];
}

export interface SlotFacts {
  readonly plugin: string | null;
  readonly database: string | null;
  readonly active: boolean;
  readonly walStatus: string | null;
  /** Bytes of WAL behind the last position that the connector confirmed; null where it confirmed none yet. */
  readonly lagBytes: number | null;
}

export interface SourceNames {
  readonly role: string;
  readonly publication: string;
  readonly slot: string;
}

/** Reads catalogues only, no row of any table: the least role that may connect can ask. */
const FACTS_SQL = `
WITH places AS (
  -- By the catalogue: to_regclass would demand USAGE on the schema.
  SELECT c.oid, format('%s.%s', n.nspname, c.relname) AS place FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
), tables AS (
  SELECT (SELECT oid FROM places WHERE place = 'public.agent_test_history') AS data,
         (SELECT oid FROM places WHERE place = 'history_cdc_source.signal') AS signal,
         (SELECT oid FROM places WHERE place = 'history_cdc_source.heartbeat') AS heartbeat
), wanted_rights(place, object, privilege) AS (
  SELECT 'public.agent_test_history', data, 'SELECT' FROM tables
  UNION ALL SELECT 'history_cdc_source.signal', signal, p FROM tables, unnest(ARRAY['SELECT', 'INSERT', 'DELETE']) p
  UNION ALL SELECT 'history_cdc_source.heartbeat', heartbeat, p FROM tables, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) p
)
SELECT json_build_object(
  'serverVersion', current_setting('server_version_num')::int,
  'walLevel', current_setting('wal_level'),
  'dataTable', tables.data IS NOT NULL,
  'replicaIdentity', (SELECT CASE
      WHEN relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = tables.data AND indisprimary) THEN 'n'
      ELSE relreplident END FROM pg_class WHERE oid = tables.data),
  'primaryKey', EXISTS (SELECT FROM pg_index WHERE indrelid = tables.data AND indisprimary),
  'keyColumns', (SELECT coalesce(json_agg(a.attname ORDER BY a.attname), '[]') FROM pg_index i
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
      WHERE i.indrelid = tables.data AND i.indisprimary),
  'partitioned', coalesce((SELECT relkind = 'p' FROM pg_class WHERE oid = tables.data), false),
  'inheriting', (SELECT coalesce(json_agg(format('%I.%I', n.nspname, c.relname) ORDER BY n.nspname, c.relname), '[]')
      FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE h.inhparent = tables.data AND NOT c.relispartition),
  'signalTable', tables.signal IS NOT NULL,
  'heartbeatTable', tables.heartbeat IS NOT NULL,
  'publication', (SELECT json_build_object(
      'allTables', puballtables,
      'tables', (SELECT coalesce(json_agg(format('%s.%s', schemaname, tablename) ORDER BY schemaname, tablename), '[]')
                   FROM pg_publication_tables WHERE pubname = p.pubname),
      'viaRoot', pubviaroot,
      'everyOperation', pubinsert AND pubupdate AND pubdelete AND pubtruncate,
      'narrowed', (SELECT coalesce(bool_or(coalesce(to_jsonb(r) ->> 'prqual', to_jsonb(r) ->> 'prattrs') IS NOT NULL), false)
                     FROM pg_publication_rel r WHERE prpubid = p.oid))
    FROM pg_publication p WHERE pubname = $2),
  'role', (SELECT json_build_object(
      -- Hosting services give the right to replicate by membership in a role of theirs.
      'mayReplicate', rolcanlogin AND (rolreplication OR rolsuper OR EXISTS (
         SELECT FROM pg_roles s WHERE s.rolname IN ('rds_replication', 'rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin')
            AND pg_has_role(r.oid, s.oid, 'member'))),
      'missing', (SELECT coalesce(json_agg(format('%s ON %s', privilege, place)), '[]') FROM wanted_rights w
         WHERE w.object IS NOT NULL
           AND NOT (has_schema_privilege(r.oid, split_part(place, '.', 1), 'USAGE')
                    AND has_table_privilege(r.oid, w.object, w.privilege))))
    FROM pg_roles r WHERE rolname = $1),
  'slot', (SELECT json_build_object(
      'plugin', plugin, 'database', database, 'active', active, 'walStatus', wal_status,
      'lagBytes', CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) END)
    FROM pg_replication_slots WHERE slot_name = $3),
  'slotsInUse', (SELECT count(*) FROM pg_replication_slots),
  'slotsAllowed', current_setting('max_replication_slots')::int,
  'database', current_database()
) AS facts FROM tables`;

export async function readSourceFacts(
  pool: Pool,
  names: SourceNames,
): Promise<SourceFacts & { readonly database: string }> {
  const { rows } = await pool.query<{ facts: SourceFacts & { readonly database: string } }>(FACTS_SQL, [
    names.role,
    names.publication,
    names.slot,
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error('the query for facts gave no row');
  return { ...row.facts, hidden: await readConnectorHidden(pool, names.role) };
}

/** The clock of the legacy database, which also dates the heartbeat: no other clock can be compared with it. */
export async function readSourceClock(pool: Pool): Promise<Date> {
  const { rows } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const [row] = rows;
  if (row === undefined) throw new Error('the query for the time gave no row');
  return row.now;
}
