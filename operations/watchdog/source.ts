import { type Client } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { Present } from '../continuity/judge.ts';
import { askFacts, certain } from '../facts/postgres.ts';
import { lsnOf } from '../facts/wal.ts';

interface SourceRow {
  readonly inRecovery: boolean;
  readonly database: string;
  readonly timeline: number | null;
  readonly publication: PublicationSeen | null;
  readonly slot: SlotSeen | null;
  readonly changes: string | null;
  readonly xmax: string | null;
}

interface PublicationSeen {
  readonly identity: string;
  readonly ofTable: boolean;
  readonly everyOperation: boolean;
  readonly narrowed: boolean;
}

interface SlotSeen {
  readonly identity: string;
  readonly plugin: string | null;
  readonly database: string | null;
  readonly temporary: boolean;
  readonly walStatus: string | null;
  readonly invalidated: string | null;
  readonly confirmed: string | null;
}

/** Why rows are not streamed by this publication; undefined where it publishes every change of our table. */
function unfitPublication(seen: PublicationSeen | null): string | undefined {
  if (seen === null) return 'there is no such publication';
  if (!seen.ofTable) return 'it does not publish public.agent_test_history';
  if (!seen.everyOperation) return 'it leaves out some of insert, update, delete, truncate';
  return seen.narrowed ? 'its row filter or column list leaves changes out' : undefined;
}

/** Why the server keeps nothing for the connector; undefined where the slot is ours and has all its WAL. */
function unfitSlot(seen: SlotSeen | null, database: string): string | undefined {
  if (seen === null) return 'there is none';
  if (seen.plugin !== 'pgoutput') return `its plugin is ${seen.plugin ?? 'none, it is physical'}`;
  if (seen.database !== database) return `it belongs to the database ${seen.database ?? '-'}`;
  if (seen.temporary) return 'it is temporary and goes with its session';
  if (seen.walStatus !== 'lost' && seen.invalidated === null) return undefined;
  return seen.invalidated === null ? 'it is lost' : `it is lost: ${seen.invalidated}`;
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
  const { changes, xmax, publication } = row;
  const unpublished = unfitPublication(publication);
  const base = {
    ...(system !== undefined && { system }),
    ...(row.timeline !== null && { timeline: String(row.timeline) }),
    publication: publication?.identity ?? null,
  };
  const unfit = { ...(unpublished !== undefined && { publication: unpublished }) };
  // A standby has slots of its own, and not those of its primary.
  if (row.inRecovery) return { present: { ...base, unfit }, confirmed: undefined, changes, xmax };
  const unkept = unfitSlot(row.slot, row.database);
  const slot = unkept === undefined ? row.slot : null;
  // A slot that has confirmed nothing yet is behind everything.
  const confirmed = slot === null ? null : slot.confirmed === null ? 0n : lsnOf(slot.confirmed);
  return {
    present: {
      ...base,
      slot: slot?.identity ?? null,
      unfit: { ...unfit, ...(unkept !== undefined && { slot: unkept }) },
    },
    confirmed,
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
