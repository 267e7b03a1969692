import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import { CANONICAL_TABLES, LEGACY_TABLES } from '../../consumers/agent-test-history/schema/requirements.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { openApplicationDatabase, type OpenDatabase } from './migrated-database.ts';

export interface ProjectorRole {
  readonly open: OpenDatabase;
  readonly superuser: Pool;
  /** Sessions of the projector's role: the rights of `migrate --grant-to`, and what the application's owner grants it. */
  readonly projector: Pool;
}

/** A migrated database of a DBA who trusts nobody by default, and a role of the projector's own in it. */
export function useProjectorRole(): () => ProjectorRole {
  const role = `projector_${randomBytes(4).toString('hex')}`;
  let made: ProjectorRole | undefined;
  beforeAll(async () => {
    const open = await openApplicationDatabase();
    const superuser = createPool({ url: open.database.superuserUrl, name: 'test', connections: 1 });
    await superuser.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    // As it is from Postgres 15 on. Before, everybody may create in public, and `doctor` warns of it.
    await superuser.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT CREATE ON SCHEMA public TO app');
    await open.pool.query('ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC');
    await migrate(open.pool, role);
    await open.pool.query(rightsOn(role, CANONICAL_TABLES, LEGACY_TABLES));
    const url = new URL(open.database.url);
    url.username = role;
    url.password = 'secret';
    made = { open, superuser, projector: createPool({ url: url.href, name: 'test', connections: 2 }) };
  });
  afterAll(async () => {
    if (made === undefined) return;
    await made.projector.end();
    await made.open.close();
    await made.superuser.query(`DROP ROLE ${role}`).catch(() => undefined);
    await made.superuser.end();
  });
  return () => {
    if (made === undefined) throw new Error('the database is made before the first test');
    return made;
  };
}

/** What the application's owner grants: the columns that `migrate` asks for, and to write none but the runs. */
function rightsOn(role: string, ...tables: Readonly<Record<string, readonly string[]>>[]): string {
  const selects = tables
    .flatMap((group) => Object.entries(group))
    .map(([table, columns]) => `GRANT SELECT (${columns.join(', ')}) ON public.${table} TO ${role}`);
  return [
    ...selects,
    // By it `reconcile` sees that a row has changed again; SELECT on the table has it, too.
    `GRANT SELECT (xmin) ON public.agent_test_history TO ${role}`,
    `GRANT SELECT, INSERT ON public.agent_compliance_runs TO ${role}`,
  ].join(';');
}

/** Every canonical row, whole. */
export async function allRuns({ open }: ProjectorRole): Promise<unknown[]> {
  const { rows } = await open.pool.query<{ run: unknown }>(
    'SELECT to_jsonb(r) AS run FROM public.agent_compliance_runs r ORDER BY id',
  );
  return rows.map(({ run }) => run);
}
