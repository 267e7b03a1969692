import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { askFacts } from './postgres.ts';
import { type Sql } from '../../lib/quoting.ts';

/** What a role may do in a database beyond logging in, by whatever way it may. */
export interface RoleRights {
  readonly name: string;
  /** SUPERUSER, CREATEROLE, CREATEDB, BYPASSRLS. */
  readonly attributes: readonly string[];
  readonly memberOf: readonly string[];
  /** schema.table, quoted: its owner may do everything with it. */
  readonly owns: readonly Sql[];
  readonly createsInPublic: boolean;
  readonly grants: readonly Grant[];
}

export interface Grant {
  /** schema.table, quoted */
  readonly place: Sql;
  readonly privilege: string;
  /** Null where it is on the whole table. */
  readonly column: string | null;
  /** Who has it, quoted: the role, PUBLIC, or a role that it is a member of. */
  readonly grantee: Sql;
}

/** A right on a table, or on one of its columns. */
export interface Right {
  readonly place: string;
  readonly column: string | null;
  readonly privilege: string;
}

export interface MissingRight {
  readonly place: string;
  readonly privilege: string;
  /** Null: the whole table. */
  readonly columns: readonly string[] | null;
}

/** The role that Debezium logs in with. */
export interface ConnectorRole extends RoleRights {
  /** By itself, or as a member of the role by which a hosting service gives that right. */
  readonly mayReplicate: boolean;
  /** Grants that it needs and lacks; on tables that are not there it lacks none. */
  readonly missing: readonly MissingRight[];
}

/** All that connectors/sql/04-grants.sql gives, and nothing else. */
export const CONNECTOR_GRANTS: Readonly<Record<string, readonly string[]>> = {
  'public.agent_test_history': ['SELECT'],
  'history_cdc_source.signal': ['SELECT', 'INSERT', 'DELETE'],
  'history_cdc_source.heartbeat': ['SELECT', 'INSERT', 'UPDATE'],
};

const RIGHTS = sqlFile(import.meta.url, './sql/role-rights.sql');
const MISSING = sqlFile(import.meta.url, './sql/missing-rights.sql');

/** Null where there is no such role. */
export async function readRoleRights(client: Client, role: string): Promise<RoleRights | null> {
  return (await askFacts<RoleRights>(client, RIGHTS, [role])) ?? null;
}

const MAY_REPLICATE = `
  SELECT rolcanlogin AND (rolreplication OR rolsuper OR EXISTS (
    SELECT FROM pg_roles s WHERE s.rolname IN ('rds_replication', 'rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin')
      AND pg_has_role(r.oid, s.oid, 'member'))) AS may
  FROM pg_roles r WHERE rolname = $1`;

/** Null where there is no such role. */
export async function readConnectorRole(client: Client, role: string): Promise<ConnectorRole | null> {
  const rights = await readRoleRights(client, role);
  if (rights === null) return null;
  const needs = Object.entries(CONNECTOR_GRANTS).flatMap(([place, privileges]) =>
    privileges.map((privilege) => ({ place, column: null, privilege })),
  );
  const missing = await readMissingRights(client, role, needs);
  const { rows } = await client.query<{ may: boolean }>(MAY_REPLICATE, [role]);
  return { ...rights, mayReplicate: rows[0]?.may === true, missing };
}

export async function readMissingRights(
  client: Client,
  role: string,
  wanted: readonly Right[],
): Promise<readonly MissingRight[]> {
  const { rows } = await client.query<MissingRight>(MISSING, [
    role,
    wanted.map(({ place }) => place),
    wanted.map(({ column }) => column),
    wanted.map(({ privilege }) => privilege),
  ]);
  return rows;
}
