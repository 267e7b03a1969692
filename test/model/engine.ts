import type { Pool } from '../../lib/postgres.ts';
import type { RowValues } from '../support/records.ts';
import type { LiveValues } from '../support/table-rows.ts';
import type { LedgerRow, OffsetRow, RunRow } from './memory/tables.ts';
import type { Blocking } from './scheduler.ts';

/** Everything that is committed, in the order of the keys. */
export interface Observed {
  readonly ledger: readonly LedgerRow[];
  readonly runs: readonly RunRow[];
  /** Legacy ids of unsettled twins, and whether a row of ours is kept for them. */
  readonly unsettled: readonly { readonly legacyId: string; readonly hasRun: boolean }[];
  readonly offsets: readonly OffsetRow[];
  /** Legacy ids with a record in quarantine that no later event has healed. */
  readonly quarantined: readonly string[];
}

/** Who owns what, before anything happens. */
export interface Setup {
  readonly topicId: string;
  readonly partitions: number;
  readonly contexts: readonly {
    readonly id: string;
    readonly organizationId: string;
    readonly agentUrl: string;
    readonly isListed: boolean;
    readonly isOptedOut: boolean;
  }[];
  readonly members: readonly { readonly userId: string; readonly organizationId: string }[];
}

/** A transaction of the application's live path that has written its row. */
export interface LiveWrite {
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** A database that a history can run on: in memory, or Postgres. */
export interface Engine extends Blocking {
  readonly pool: Pool;
  /** An empty database with this in it. */
  reset(setup: Setup): Promise<void>;
  join(userId: string, organizationId: string): Promise<void>;
  writeLegacy(row: RowValues): Promise<void>;
  deleteLegacy(legacyId: string): Promise<void>;
  beginLive(row: LiveValues): Promise<LiveWrite>;
  observe(): Promise<Observed>;
}

/** What the application does to canonical rows, by statements that may wait for ours. */
export const PRUNE = 'DELETE FROM public.agent_compliance_runs WHERE id = $1';
export const REFER = `
  INSERT INTO public.agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed)
  SELECT r.id, 'storyboard', 'step', true FROM public.agent_compliance_runs r WHERE r.id = $1`;
