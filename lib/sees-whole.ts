import { FatalError } from './errors.ts';
import type { Client } from './postgres.ts';
import { sqlFile } from './sql-file.ts';

const HIDDEN = sqlFile(import.meta.url, './sql/hidden-rows.sql');
const IN_RECOVERY = 'SELECT pg_is_in_recovery() AS standby';

export const WHYS = [
  'policies',
  'restrictive policies',
  'a view',
  'a materialized view',
  'a foreign table',
  'a partition',
] as const;

/** The reason why a role may see fewer rows of a table than there are, without an error. */
export interface HiddenRows {
  /** schema.table */
  readonly place: string;
  readonly role: string;
  readonly why: (typeof WHYS)[number];
}

/** What a role does with the rows of a table, by the letters of `pg_policy.polcmd`: read, update, delete. */
export type RowCommand = 'r' | 'w' | 'd';

interface Reader {
  /** The default is the role of the connection. */
  readonly role?: string;
  /** The default is reading. */
  readonly commands?: readonly RowCommand[];
}

/**
 * The tables of which a role may see fewer rows than there are, without an error: row-level security applies to the
 * role, or something else stands in the table's place. A policy hides nothing if its expression is literally `true`; a
 * DBA uses that to let a role see everything. A role that owns the table, or has BYPASSRLS, is exempt as in Postgres.
 */
export async function hiddenRows(
  client: Client,
  tables: readonly string[],
  { role, commands = ['r'] }: Reader = {},
): Promise<HiddenRows[]> {
  return (await client.query<HiddenRows>(HIDDEN, [tables, role ?? null, commands])).rows;
}

/**
 * Refuses to read from a database that may not show all rows of `tables`, or that is a standby, which may lag. Without
 * this check, rows that the role cannot see would be decided as if they did not exist. `setting` names the connection.
 */
export async function assertSeesWhole(
  client: Client,
  tables: readonly string[],
  setting: string,
): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>(IN_RECOVERY);
  if (rows[0]?.standby !== false) {
    throw new FatalError({
      code: 'ROWS_HIDDEN',
      message: `the server of ${setting} is a standby: it may lack rows that the primary has`,
      wayOut: `set ${setting} to the address of the primary`,
    });
  }
  const hidden = await hiddenRows(client, tables);
  if (hidden.length > 0) throw rowsHidden(hidden);
}

export function rowsHidden(hidden: readonly HiddenRows[]): FatalError {
  return new FatalError({
    code: 'ROWS_HIDDEN',
    message: `the role may not see all rows: ${hidden.map(describeHidden).join('; ')}`,
    wayOut: hidden.map(wayToSee).join('; '),
  });
}

export function describeHidden({ place, role, why }: HiddenRows): string {
  return isByPolicy(why)
    ? `row-level security on ${place} applies to the role ${role}`
    : `${place} is ${why}, which may not show the rows of the table that the application writes`;
}

export function isByPolicy(why: HiddenRows['why']): boolean {
  return why === 'policies' || why === 'restrictive policies';
}

/** The remedy in words; `doctor` prints the statements. */
function wayToSee({ place, role, why }: HiddenRows): string {
  return isByPolicy(why)
    ? `give ${role} BYPASSRLS, or create a policy on ${place} FOR ALL TO that role USING (true); \`history-cdc doctor\` prints the statement`
    : `put the table itself in the place of ${place}`;
}
