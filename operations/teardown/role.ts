import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { identifier, lines, sql, type Sql } from '../../lib/quoting.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { Blocked, NOTHING, type Found } from './part.ts';

const ROLE = sqlFile(import.meta.url, './sql/role.sql');
const STILL_NEEDED = '2BP01';
const INSUFFICIENT_PRIVILEGE = '42501';

interface RoleFacts {
  readonly superuser: boolean;
  readonly ourselves: boolean;
  readonly made_by_script: boolean;
  /** Objects in this and other databases. */
  readonly owned: number;
  /** Other databases in which it has rights or objects. */
  readonly elsewhere: readonly string[];
  /** Objects of this database on which somebody else than our script has given it rights. */
  readonly other_rights: readonly string[];
  /** What 04-grants.sql may have given it. */
  readonly on_table: boolean;
  readonly on_schema: boolean;
  readonly on_database: boolean;
  readonly database: string;
  readonly may: boolean;
}

export async function roleFound(client: Client, name: string): Promise<Found> {
  const [role] = (await client.query<RoleFacts>(ROLE, [name])).rows;
  if (role === undefined) return NOTHING;
  const things = [name];
  if (!role.made_by_script || role.superuser || role.ourselves)
    return { things, kept: 'our SQL script did not make this role, so it stays' };
  const why = whyStays(role);
  if (why !== undefined) return { things, obstacle: { why } };
  const byHand = removal(name, role);
  const unable =
    'the role that this command logs in with may not drop it, or does not own the table that it reads';
  return { things, obstacle: role.may ? undefined : { why: unable, byHand } };
}

function whyStays({ owned, elsewhere, other_rights: others }: RoleFacts): string | undefined {
  if (elsewhere.length > 0) return `it has rights in other databases as well: ${elsewhere.join(', ')}`;
  if (owned > 0) return `it owns ${String(owned)} objects`;
  return others.length > 0
    ? `somebody gave it more rights than our script does: ${others.join(', ')}`
    : undefined;
}

/** Takes back what 04-grants.sql gave, and drops the role. Postgres refuses while anything else refers to it. */
export async function removeRole(pool: Pool, name: string): Promise<void> {
  const [role] = (await pool.query<RoleFacts>(ROLE, [name])).rows;
  if (role === undefined) return;
  const statements = removal(name, role);
  try {
    await inTransaction(pool, (client) => client.query(statements));
  } catch (error) {
    const state = sqlState(error);
    if (state !== STILL_NEEDED && state !== INSUFFICIENT_PRIVILEGE) throw error;
    const why =
      state === STILL_NEEDED
        ? 'something still refers to it'
        : 'the role that this command logs in with may not drop it';
    throw new Blocked({ why, byHand: statements }, error);
  }
}

function removal(name: string, { on_table, on_schema, on_database, database }: RoleFacts): Sql {
  const role = identifier(name);
  return lines(
    ...(on_table ? [sql`REVOKE ALL ON public.agent_test_history FROM ${role};`] : []),
    ...(on_schema ? [sql`REVOKE ALL ON SCHEMA public FROM ${role};`] : []),
    ...(on_database ? [sql`REVOKE ALL ON DATABASE ${identifier(database)} FROM ${role};`] : []),
    sql`DROP ROLE ${role};`,
  );
}
