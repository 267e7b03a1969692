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

/** Why a role may see less of a table than there is, without an error. */
export interface HiddenRows {
  /** schema.table */
  readonly place: string;
  readonly role: string;
  readonly why: (typeof WHYS)[number];
}

/** What a role does with the rows of a table, by the letters of `pg_policy.polcmd`: reads, updates, deletes. */
export type RowCommand = 'r' | 'w' | 'd';

interface Reader {
  /** Unless told, the role of the connection. */
  readonly role?: string;
  /** Unless told, it reads. */
  readonly commands?: readonly RowCommand[];
}

/**
 * The tables of which a role may see less than the whole without an error: row-level security applies to it, or something
 * else stands in the table's place. A policy hides nothing if its expression is literally `true`, which is how a DBA lets a
 * role see everything on purpose. A role that owns the table, or has BYPASSRLS, is exempt as Postgres exempts it.
 */
export async function hiddenRows(
  client: Client,
  tables: readonly string[],
  { role, commands = ['r'] }: Reader = {},
): Promise<HiddenRows[]> {
  return (await client.query<HiddenRows>(HIDDEN, [tables, role ?? null, commands])).rows;
}

/**
 * Refuses to read from a database that may show less than the whole of `tables`, or that is a standby, which may lag.
 * Without it, rows that the role cannot see are decided as if they did not exist. `setting` names the connection.
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
      wayOut: `let ${setting} name the primary`,
    });
  }
  const hidden = await hiddenRows(client, tables);
  if (hidden.length > 0) throw rowsHidden(hidden);
}

export function rowsHidden(hidden: readonly HiddenRows[]): FatalError {
  return new FatalError({
    code: 'ROWS_HIDDEN',
    message: `we may see less than all rows: ${hidden.map(describeHidden).join('; ')}`,
    wayOut: hidden.map(wayToSee).join('; '),
  });
}

export function describeHidden({ place, role, why }: HiddenRows): string {
  return isByPolicy(why)
    ? `row-level security on ${place} applies to the role ${role}`
    : `${place} is ${why}, which may show other rows than the table that the application writes`;
}

export function isByPolicy(why: HiddenRows['why']): boolean {
  return why === 'policies' || why === 'restrictive policies';
}

/** What a person does about it, in words; doctor prints the statements. */
function wayToSee({ place, role, why }: HiddenRows): string {
  return isByPolicy(why)
    ? `give ${role} BYPASSRLS, or a policy on ${place} FOR ALL TO that role USING (true), as \`history-cdc doctor\` prints it`
    : `let ${place} be the table itself`;
}
