import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { Found } from './findings.ts';

const BEGIN = sqlFile(import.meta.url, './sql/begin-incident.sql');
const END = sqlFile(import.meta.url, './sql/end-incidents.sql');
const MOST_IDS = 100;
const BY = 'history-cdc project';

/**
 * Records what was found to be wrong, and that it is over, in the transaction that finds it: the soak counts from incidents.
 * There is one incident per pass, however many rows are wrong.
 */
export async function recordIncidents(
  client: Client,
  { wrong, healed }: { readonly wrong: readonly Found[]; readonly healed: readonly Found[] },
): Promise<void> {
  if (wrong.length > 0) {
    const ids = wrong.map(({ legacyId, canonicalRunId }) => legacyId ?? canonicalRunId ?? '');
    const kinds = [...new Set(wrong.map(({ kind }) => kind))].sort();
    await client.query(BEGIN, [ids.slice(0, MOST_IDS), `found by the verification: ${kinds.join(', ')}`]);
  }
  if (healed.length > 0) await client.query(END, [BY]);
}
