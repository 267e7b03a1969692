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

const RIGHTS = sqlFile(import.meta.url, './sql/role-rights.sql');
const MISSING = sqlFile(import.meta.url, './sql/missing-rights.sql');

/** Null where there is no such role. */
export async function readRoleRights(client: Client, role: string): Promise<RoleRights | null> {
  return (await askFacts<RoleRights>(client, RIGHTS, [role])) ?? null;
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
