import { FatalError } from '../../../lib/errors.ts';
import { sqlState } from '../../../lib/postgres-errors.ts';
import type { Client } from '../../../lib/postgres.ts';

const NEWEST = `
  SELECT stage = 'dropped' AS dropped, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') AS at, performed_by AS by
  FROM history_cdc.stage ORDER BY id DESC LIMIT 1`;
const HAS_FENCE = "SELECT to_regclass('history_cdc_fence.fence') IS NOT NULL AS it";
const NOTED = 'SELECT EXISTS (SELECT FROM history_cdc_fence.fence WHERE dropped_at IS NOT NULL) AS it';
const UNDEFINED_TABLE = '42P01';

/**
 * Throws TABLE_RETIRED if `retire drop` has dropped the legacy table. Without this check, a table that is gone on purpose would be
 * reported as damage, and the projector would record a break of the stream. `legacy` is asked too where it is given, because the
 * stage is recorded a moment after the drop.
 */
export async function assertNotRetired(canonical: Client, legacy?: Client): Promise<void> {
  const stage = await newestStage(canonical);
  if (stage?.dropped === true) throw tableRetired(`on ${stage.at}, by ${stage.by}`);
  if (legacy !== undefined && (await isNoted(legacy))) throw tableRetired('a moment ago');
}

/**
 * The error that tells why something failed: TABLE_RETIRED if it failed for want of a table, and the legacy table was dropped on
 * purpose; else the error itself. Without it, a drop beside a running projector would look like damage.
 */
export async function retiredOr(error: unknown, canonical: Client, legacy: Client): Promise<unknown> {
  if (sqlState(error) !== UNDEFINED_TABLE) return error;
  try {
    await assertNotRetired(canonical, legacy);
  } catch (why) {
    if (why instanceof FatalError && why.code === 'TABLE_RETIRED') return why;
  }
  return error;
}

async function newestStage(canonical: Client) {
  try {
    return (await canonical.query<{ dropped: boolean; at: string; by: string }>(NEWEST)).rows[0];
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return undefined;
    throw error;
  }
}

/** Of a database that does not answer, others say so. */
async function isNoted(legacy: Client): Promise<boolean> {
  const ask = async (statement: string) =>
    (await legacy.query<{ it: boolean }>(statement)).rows[0]?.it === true;
  try {
    return (await ask(HAS_FENCE)) && (await ask(NOTED));
  } catch {
    return false;
  }
}

function tableRetired(when: string): FatalError {
  return new FatalError({
    code: 'TABLE_RETIRED',
    message: `agent_test_history was dropped on purpose, ${when} (\`history-cdc retire drop\`): there is nothing left to project or to compare`,
    wayOut:
      '`history-cdc teardown` takes the connector and what belongs to it away; `history-cdc evidence export FILE` writes the proof',
  });
}

/** The work, with an error that comes of the table's end told as that. */
export async function retelling<T>(work: Promise<T>, canonical: Client, legacy: Client): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw await retiredOr(error, canonical, legacy);
  }
}
