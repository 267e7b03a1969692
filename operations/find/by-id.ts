import { inTransaction, type Pool } from '../../lib/postgres.ts';
import { FatalError, messageOf } from '../../lib/errors.ts';
import { assertSeesWhole } from '../../lib/sees-whole.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { assertNotRetired } from '../../consumers/agent-test-history/schema/retired.ts';
import { LEGACY_READS } from '../../consumers/agent-test-history/schema/requirements.ts';
import type { FoundRow } from './rows.ts';

const BY_ID = sqlFile(import.meta.url, './sql/by-id.sql');
const UNDECIDED = `
  SELECT h.id FROM public.agent_test_history h
  WHERE h.id BETWEEN $1::uuid AND $2::uuid ORDER BY h.id LIMIT $3::integer`;

/** A short id: at least four hexadecimal digits, with or without the dashes of a UUID. */
export const SHORT_ID = /^(?=(?:-?[0-9a-f]){4,32}$)[0-9a-f-]+$/i;

export interface FoundById {
  readonly rows: readonly FoundRow[];
  /** True if there are more rows than were asked for: the id has to be longer. */
  readonly more: boolean;
  /** Why the legacy table could not be asked for rows without a decision; null if it was asked. */
  readonly unseen: string | null;
}

/** The rows whose legacy id or canonical id begins with these digits. */
export async function findById(
  { canonical, legacy }: { readonly canonical: Pool; readonly legacy: Pool },
  id: string,
  limit: number,
): Promise<FoundById> {
  const range = [lowest(id), highest(id), limit + 1];
  const { rows } = await canonical.query<FoundRow>(BY_ID, range);
  const known = new Set(rows.map(({ legacy_id }) => legacy_id));
  const undecided = await undecidedRows({ canonical, legacy }, range);
  const others = typeof undecided === 'string' ? [] : undecided.filter((legacyId) => !known.has(legacyId));
  const found = [...rows, ...others.map(withoutDecision)];
  return {
    rows: found.slice(0, limit),
    more: found.length > limit,
    unseen: typeof undecided === 'string' ? undecided : null,
  };
}

/** Ids in the legacy table, or why it cannot be asked. After `retire drop` there is none to ask. */
async function undecidedRows(
  { canonical, legacy }: { readonly canonical: Pool; readonly legacy: Pool },
  range: unknown[],
): Promise<string[] | string> {
  try {
    await assertNotRetired(canonical, legacy);
  } catch (error) {
    // The table was dropped, so no row can be in it. After any other error it is not known whether there is a row.
    return error instanceof FatalError && error.code === 'TABLE_RETIRED' ? [] : messageOf(error);
  }
  try {
    return await inTransaction(legacy, async (client) => {
      await assertSeesWhole(client, LEGACY_READS, 'LEGACY_DATABASE_URL');
      return (await client.query<{ id: string }>(UNDECIDED, range)).rows.map(({ id }) => id);
    });
  } catch (error) {
    return messageOf(error);
  }
}

function withoutDecision(legacyId: string): FoundRow {
  return {
    started_at: null,
    legacy_id: legacyId,
    agent_url: null,
    organization_id: null,
    user_id: null,
    decision: 'not decided yet',
    reason: 'the projector has not seen it',
    canonical_run_id: null,
    source_deleted_at: null,
  };
}

function lowest(id: string): string {
  return asUuid(id, '0');
}

function highest(id: string): string {
  return asUuid(id, 'f');
}

function asUuid(id: string, digit: string): string {
  const digits = id.replaceAll('-', '').toLowerCase().padEnd(32, digit);
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
