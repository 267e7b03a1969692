import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { assertFit } from '../../consumers/agent-test-history/schema/requirements.ts';
import { assertSeesWhole } from '../../lib/sees-whole.ts';
import type { Manifest, TableDefinition } from './manifest.ts';
import { readMonths, type Month } from './months.ts';
import { readTableDefinition } from './table-definition.ts';

/** The legacy table as it is at one moment, and what the ledger says at another, a little later one. */
export interface Snapshot {
  readonly legacy: Client;
  readonly ledger: Client;
  readonly source: Manifest['source'];
  readonly table: TableDefinition;
  readonly months: readonly Month[];
}

export interface Databases {
  /** With the schema history_cdc. */
  readonly canonical: Pool;
  /** A pool that `copies`. Its role needs SELECT on the legacy table, and nothing else. */
  readonly legacy: Pool;
}

const TABLE = 'public.agent_test_history';
const POSITION = 'SELECT pg_current_wal_insert_lsn()::text AS lsn';
const SOURCE = `
  SELECT clock_timestamp()::text AS at, pg_current_snapshot()::text AS snapshot, current_setting('server_version') AS version`;

/**
 * Opens a snapshot of both databases for as long as `work` takes. Refuses a role that may see less than the whole table: an archive
 * of what such a role sees would be verified against what the same role sees.
 */
export async function withSnapshot<T>(
  { canonical, legacy }: Databases,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  await assertFit(legacy, { agent_test_history: ['id', 'started_at'] }, 'LEGACY_DATABASE_URL');
  await assertSeesWhole(legacy, [TABLE], 'LEGACY_DATABASE_URL');
  // Read before the snapshot is taken, so that what this position covers and was visible is in the snapshot.
  const [position] = (await legacy.query<{ lsn: string }>(POSITION)).rows;
  return await inTransaction(
    legacy,
    async (client) => {
      await assertSeesWhole(client, [TABLE], 'LEGACY_DATABASE_URL');
      const [source] = (await client.query<{ at: string; snapshot: string; version: string }>(SOURCE)).rows;
      if (position === undefined || source === undefined) throw new Error('Postgres gave no position');
      const table = await readTableDefinition(client);
      const months = await readMonths(client);
      return await inTransaction(
        canonical,
        (ledger) =>
          work({
            legacy: client,
            ledger,
            table,
            months,
            source: {
              table: TABLE,
              serverVersion: source.version,
              snapshotAt: source.at,
              snapshotLsn: position.lsn,
              snapshot: source.snapshot,
            },
          }),
        { snapshot: true },
      );
    },
    { snapshot: true },
  );
}
