import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { LedgerView, LookUp, UndoneView } from './report.ts';

const UNDONE = sqlFile(import.meta.url, './sql/undone.sql');
const LEDGER_ENTRY = sqlFile(import.meta.url, './sql/ledger-entry.sql');

export interface Ledger {
  readonly view: LedgerView;
  /** Null if the decision does not depend on look-ups: gone, quarantined. */
  readonly lookUp: LookUp | null;
}

type LedgerRow = LedgerView & LookUp & { readonly keeps_run: boolean };

export async function readLedger(client: Client, legacyId: string): Promise<Ledger | null> {
  const { rows } = await client.query<LedgerRow>(LEDGER_ENTRY, [legacyId]);
  const [row] = rows;
  if (row === undefined) return null;
  const {
    agent_context_id,
    user_id,
    organization_id,
    agent_url,
    is_member,
    lists_agent,
    opted_out,
    lifecycle_stage,
    keeps_run: keepsRun,
    ...view
  } = row;
  const lookUp = {
    agent_context_id,
    user_id,
    organization_id,
    agent_url,
    is_member,
    lists_agent,
    opted_out,
    lifecycle_stage,
  };
  return {
    view: { ...view, kept_run_id: keepsRun ? view.kept_run_id : null },
    lookUp: agent_context_id === null ? null : lookUp,
  };
}

/** What `undo` took back of a row, while nothing has restored it. */
export async function readUndone(client: Client, legacyId: string): Promise<UndoneView | null> {
  return (await client.query<UndoneView>(UNDONE, [legacyId])).rows[0] ?? null;
}
