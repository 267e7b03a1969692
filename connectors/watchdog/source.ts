import { type Client } from '../../consumers/lib/postgres.ts';
import { sqlState } from '../../consumers/lib/postgres-errors.ts';
import { sqlFile } from '../../consumers/lib/sql-file.ts';
import type { Present } from '../../consumers/agent-test-history/continuity/judge.ts';
import { askFacts, certain } from '../doctor/postgres-facts.ts';
import { lsnOf } from '../doctor/wal.ts';

interface SourceRow {
  readonly inRecovery: boolean;
  readonly timeline: number | null;
  readonly publication: string | null;
  readonly slot: {
    readonly identity: string;
    readonly ours: boolean;
    readonly confirmed: string | null;
  } | null;
  readonly changes: string | null;
  readonly xmax: string | null;
}

/** The legacy database, as far as the stream stands on it. */
export interface SourceLook {
  readonly present: Present;
  /** Of the slot that is ours; null where there is none, undefined where it is not known. */
  readonly confirmed: bigint | null | undefined;
  /** Rows of the legacy table that were ever written, by its statistics; those that were rolled back count, too. */
  readonly changes: string | null;
  /** No transaction that has begun by now has this id or a later one. */
  readonly xmax: string | null;
}

const SOURCE = sqlFile(import.meta.url, './sql/source.sql');
const SYSTEM = 'SELECT system_identifier::text AS id FROM pg_control_system()';
const INSUFFICIENT_PRIVILEGE = '42501';

export async function lookAtSource(
  client: Client,
  names: { readonly publication: string; readonly slot: string },
): Promise<SourceLook> {
  const row = certain(await askFacts<SourceRow>(client, SOURCE, [names.publication, names.slot]));
  const system = await systemOf(client);
  const { slot, changes, xmax } = row;
  const base = {
    ...(system !== undefined && { system }),
    ...(row.timeline !== null && { timeline: String(row.timeline) }),
    publication: row.publication,
  };
  // A standby has slots of its own, and not those of its primary.
  if (row.inRecovery) return { present: base, confirmed: undefined, changes, xmax };
  const ours = slot?.ours === true ? slot : null;
  const confirmed = ours?.confirmed == null ? null : lsnOf(ours.confirmed);
  return {
    present: { ...base, slot: ours?.identity ?? null },
    // A slot that has confirmed nothing yet is behind everything.
    confirmed: ours !== null && confirmed === null ? 0n : confirmed,
    changes,
    xmax,
  };
}

/** Undefined where the server keeps it to itself. */
async function systemOf(client: Client): Promise<string | undefined> {
  try {
    return (await client.query<{ id: string }>(SYSTEM)).rows[0]?.id;
  } catch (error) {
    if (sqlState(error) === INSUFFICIENT_PRIVILEGE) return undefined;
    throw error;
  }
}
