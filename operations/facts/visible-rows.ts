import { CANONICAL_READS, LEGACY_READS } from '../../consumers/agent-test-history/schema/requirements.ts';
import type { Client } from '../../lib/postgres.ts';
import { identifier, lines, qualified, sql, type Sql } from '../../lib/quoting.ts';
import { describeHidden, hiddenRows, isByPolicy, type HiddenRows } from '../../lib/sees-whole.ts';
import { failed, ok, type Judgement } from '../checks/verdict.ts';

const RUNS = 'public.agent_compliance_runs';
/** Our functions that change or delete canonical rows run with the rights of their owner. */
const DEFINERS = `
  SELECT DISTINCT pg_get_userbyid(p.proowner)::text AS role FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname = 'history_cdc' AND p.prosecdef`;

/** Where the role of DATABASE_URL, or the owner of our functions, may see less than all rows. */
export async function readCanonicalHidden(client: Client): Promise<readonly HiddenRows[]> {
  const hidden = await hiddenRows(client, CANONICAL_READS);
  for (const { role } of (await client.query<{ role: string }>(DEFINERS)).rows)
    hidden.push(...(await hiddenRows(client, [RUNS], { role, commands: ['r', 'w', 'd'] })));
  return hidden.filter(
    (one, index) => hidden.findIndex(({ place, role }) => place === one.place && role === one.role) === index,
  );
}

/** Where the role of LEGACY_DATABASE_URL, or that of the connector, may see less than all rows. */
export async function readLegacyHidden(client: Client, connector: string): Promise<readonly HiddenRows[]> {
  const ours = await hiddenRows(client, LEGACY_READS);
  return [
    ...ours,
    ...(await readConnectorHidden(client, connector)).filter(({ role }) =>
      ours.every((our) => our.role !== role),
    ),
  ];
}

/** Debezium reads the legacy table in its snapshots, and its own two tables; an empty answer is a snapshot of nothing. */
export async function readConnectorHidden(client: Client, role: string): Promise<readonly HiddenRows[]> {
  const tables = [...LEGACY_READS, 'history_cdc_source.signal', 'history_cdc_source.heartbeat'];
  return await hiddenRows(client, tables, { role });
}

export function judgeHidden(hidden: readonly HiddenRows[], connector?: string): Judgement {
  if (hidden.length === 0) return ok('every role that reads sees every row');
  return failed(
    hidden.map(describeHidden).join('; '),
    lines(...hidden.flatMap((one) => wayToSee(one, connector))),
  );
}

function wayToSee({ place, role, why }: HiddenRows, connector: string | undefined): Sql[] {
  const name = identifier(role);
  if (!isByPolicy(why))
    return [sql`-- let ${qualified(place)} be the table itself, and no other object or part of one`];
  if (why === 'restrictive policies')
    return [
      sql`ALTER ROLE ${name} BYPASSRLS;  -- as a superuser: a restrictive policy narrows every other one`,
    ];
  return [
    sql`CREATE POLICY ${identifier(`history_cdc_${role}`)} ON ${qualified(place)} TO ${name} USING (true);`,
    // Set by our script, so that a policy that comes later raises an error. It would raise one with this policy, too.
    ...(role === connector ? [sql`ALTER ROLE ${name} RESET row_security;`] : []),
  ];
}
