import { CANONICAL_READS, LEGACY_READS } from '../../consumers/agent-test-history/schema/requirements.ts';
import type { Client } from '../../lib/postgres.ts';
import { hiddenRows, type HiddenRows } from '../../lib/sees-whole.ts';

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
async function readConnectorHidden(client: Client, role: string): Promise<readonly HiddenRows[]> {
  const tables = [...LEGACY_READS, 'history_cdc_source.signal', 'history_cdc_source.heartbeat'];
  return await hiddenRows(client, tables, { role });
}
