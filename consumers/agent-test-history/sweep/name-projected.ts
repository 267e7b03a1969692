import { inTransaction, type Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { lockAllPartitions } from '../batch/offsets.ts';
import type { PipelineContext } from '../pipeline.ts';
import type { LiveWindowMeter } from '../twins/live-window.ts';

const FIRST_LIVE = sqlFile(import.meta.url, './sql/first-live.sql');
const NAME_PROJECTED = sqlFile(import.meta.url, './sql/name-projected.sql');
const UNNAMED = `SELECT EXISTS (SELECT FROM history_cdc.ledger WHERE decision = 'projected' AND reason = 'owner') AS some`;
const STRAGGLERS = `SELECT count(*)::float8 AS stragglers FROM history_cdc.ledger WHERE reason = 'straggler'`;

type NamingContext = PipelineContext & { readonly meter: Partial<Pick<LiveWindowMeter, 'firstLive'>> };

/**
 * Names projected rows that have no final reason yet (`history` or `straggler`), and counts the stragglers: owners'
 * runs that the live path did not record while it was up. If the first live row has changed, all of these reasons are
 * worked out again.
 */
export async function nameProjected({ canonical, matching, meter }: NamingContext): Promise<number> {
  if (meter.firstLive === undefined) return 0;
  const { firstLive: told } = meter;
  await inTransaction(canonical, async (client) => {
    await client.query("SET LOCAL statement_timeout = '15min'");
    const firstUs = await firstLive(client);
    const isNews = told.call(meter, firstUs);
    const { rows } = await client.query<{ some: boolean }>(UNNAMED);
    if (!isNews && rows[0]?.some !== true) return;
    await lockAllPartitions(client);
    await client.query(NAME_PROJECTED, [firstUs === null ? null : firstUs - matching.windowUs, isNews]);
  });
  const { rows } = await canonical.query<{ stragglers: number }>(STRAGGLERS);
  return rows[0]?.stragglers ?? 0;
}

async function firstLive(client: Client): Promise<bigint | null> {
  const { rows } = await client.query<{ first_us: string | null }>(FIRST_LIVE);
  const firstUs = rows[0]?.first_us ?? null;
  return firstUs === null ? null : BigInt(firstUs);
}
