import { FatalError } from '../../../lib/errors.ts';
import { inTransaction, type Pool } from '../../../lib/postgres.ts';
import { sqlState } from '../../../lib/postgres-errors.ts';

const UNDEFINED_OBJECT = '42704';

/**
 * Gives a role what the console reads in our schema: every table, and the functions with which values are compared. It
 * gives no right to write anything. A console with `--actions` needs the rights of `migrate --grant-to` as well.
 */
export async function grantToConsole(pool: Pool, role: string): Promise<void> {
  const { rows } = await pool.query<{ name: string }>('SELECT quote_ident($1) AS name', [role]);
  const name = rows[0]?.name ?? '';
  try {
    await inTransaction(pool, (client) =>
      client.query(`
        GRANT USAGE ON SCHEMA history_cdc TO ${name};
        GRANT SELECT ON ALL TABLES IN SCHEMA history_cdc TO ${name};
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA history_cdc TO ${name}`),
    );
  } catch (error) {
    if (sqlState(error) !== UNDEFINED_OBJECT) throw error;
    throw new FatalError({
      code: 'DATABASE_UNFIT',
      message: `there is no role ${role} to grant anything to`,
      wayOut: 'create the role first, or leave --grant-console-to out; it was granted nothing',
      cause: error,
    });
  }
}
