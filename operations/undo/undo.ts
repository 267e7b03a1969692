/**
 * Removes exactly the canonical rows that the ledger says we wrote, with their decisions, and keeps both in
 * `history_cdc.undone` (migrations/0008-undone.sql). A replay of the topic, or any later event, restores them as they
 * were (batch/restore.ts). A row that another table refers to stays with its decision, and is reported.
 */
import { FatalError } from '../../lib/errors.ts';
import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { recordAction } from '../../consumers/agent-test-history/batch/actions.ts';
import { refusalOf } from '../../lib/postgres-errors.ts';
import { lockAllPartitions } from '../../consumers/agent-test-history/batch/offsets.ts';
import { rowByRow } from '../../consumers/agent-test-history/batch/row-by-row.ts';
import { referencesTo } from '../../consumers/agent-test-history/twins/references.ts';
import { fenceProjectors } from '../../consumers/agent-test-history/batch/undo-fence.ts';
import { refuseRunningProjectors } from './running-projectors.ts';

const PROJECTED_ROWS = sqlFile(import.meta.url, './sql/projected-rows.sql');
const COUNT = "SELECT count(*) AS rows FROM history_cdc.ledger WHERE decision = 'projected'";
const UNDO = 'SELECT history_cdc.undo_projected($1::uuid[]) AS legacy_id';
/** Rows per transaction. The projectors wait while it runs. */
const CHUNK_ROWS = 1_000;

export interface UndoContext {
  readonly canonical: Pool;
  readonly progress: (done: number, total: number) => void;
  /** Rows per transaction; the default is 1,000. */
  readonly chunkRows?: number;
}

/** What `undo` would do, or has done. */
export interface UndoResult {
  /** The number of rows with the decision `projected`. */
  readonly projected: number;
  /** Canonical rows of ours that no other table refers to. They would be removed, or were removed. */
  readonly removable: number;
  /** Those of them whose legacy row is gone. Only their events in the topic can restore them. */
  readonly onlyInTopic: number;
  /**
   * Rows whose canonical row is gone. They stay decided; otherwise a replay would write rows again that retention
   * pruned.
   */
  readonly pruned: number;
  /** Why a row stays, by legacy id: the table that refers to it, or that its canonical row lost our mark. */
  readonly blocked: ReadonlyMap<string, string>;
}

/** Counts what `undo` would do. Reads only. */
export async function planUndo(context: UndoContext): Promise<UndoResult> {
  return await walk(context, LOOK);
}

/** Removes what `planUndo` counts, if the count equals `confirmed`. If it is killed, the next run continues. */
export async function undo(context: UndoContext, confirmed: number | undefined): Promise<UndoResult> {
  const { canonical } = context;
  await refuseRunningProjectors(canonical);
  const plan = await planUndo({ ...context, progress: () => undefined });
  if (confirmed !== plan.removable) throw notConfirmed(plan.removable, confirmed);
  return await walk(context, REMOVE);
}

function notConfirmed(rows: number, confirmed: number | undefined): FatalError {
  return new FatalError({
    code: 'NOT_CONFIRMED',
    message: `${String(rows)} canonical rows would be removed, but ${confirmed === undefined ? 'no number' : String(confirmed)} was confirmed, so nothing was changed`,
    wayOut: `check the dry run; to do it, run history-cdc undo --apply --confirm ${String(rows)}`,
  });
}

interface ProjectedRow {
  readonly legacy_id: string;
  readonly run_id: string;
  readonly is_deleted: boolean;
  readonly run: 'ours' | 'not ours' | 'pruned';
}

interface Sorted {
  /** Canonical rows of ours that no other table refers to. */
  readonly free: readonly ProjectedRow[];
  readonly pruned: readonly ProjectedRow[];
  readonly blocked: ReadonlyMap<string, string>;
}

interface Acted {
  /** The rows that count as removable. */
  readonly gone: readonly ProjectedRow[];
  /** Why the application refuses the removal, by legacy id. */
  readonly refused: ReadonlyMap<string, string>;
}

/** The work on a chunk, in its transaction. */
interface Work {
  /** Runs first, so that locks are always taken in the same order: partitions, then canonical rows. */
  readonly begin: (client: Client) => Promise<void>;
  readonly act: (client: Client, free: readonly ProjectedRow[]) => Promise<Acted>;
}

const LOOK: Work = {
  begin: () => Promise.resolve(),
  act: (_, free) => Promise.resolve({ gone: free, refused: new Map() }),
};

const REMOVE: Work = {
  begin: async (client) => {
    await lockAllPartitions(client);
    await refuseRunningProjectors(client);
    await fenceProjectors(client);
  },
  act: async (client, free) => {
    const refused = new Map<string, string>();
    const parts = await rowByRow(client, free, {
      work: async (some) => {
        const ids = some.map(({ legacy_id }) => legacy_id);
        const { rows } = await client.query<{ legacy_id: string }>(UNDO, [ids]);
        return rows.map(({ legacy_id }) => legacy_id);
      },
      refused: ({ legacy_id }, error) => {
        refused.set(legacy_id, `the application refuses its removal: ${refusalOf(error)}`);
        return Promise.resolve([]);
      },
    });
    const gone = new Set(parts.flat());
    if (gone.size > 0)
      await recordAction(client, { command: 'undo --apply', counts: { removed: gone.size } });
    return { gone: free.filter(({ legacy_id }) => gone.has(legacy_id)), refused };
  },
};

/** Goes through the projected rows in chunks. */
async function walk(
  { canonical, progress, chunkRows = CHUNK_ROWS }: UndoContext,
  work: Work,
): Promise<UndoResult> {
  const total = Number((await canonical.query<{ rows: string }>(COUNT)).rows[0]?.rows ?? 0);
  const blocked = new Map<string, string>();
  let [projected, removable, onlyInTopic, pruned] = [0, 0, 0, 0];
  for (let after: string | null = null; ;) {
    const chunk = await inTransaction(canonical, async (client) => {
      await work.begin(client);
      const { rows } = await client.query<ProjectedRow>(PROJECTED_ROWS, [after, chunkRows]);
      const sorted = await sort(client, rows);
      return { rows, sorted, ...(await work.act(client, sorted.free)) };
    });
    const last = chunk.rows.at(-1);
    if (last === undefined) break;
    for (const [legacyId, why] of [...chunk.sorted.blocked, ...chunk.refused]) blocked.set(legacyId, why);
    removable += chunk.gone.length;
    onlyInTopic += chunk.gone.filter(({ is_deleted }) => is_deleted).length;
    pruned += chunk.sorted.pruned.length;
    projected += chunk.rows.length;
    after = last.legacy_id;
    progress(projected, total);
  }
  return { projected, removable, onlyInTopic, pruned, blocked };
}

async function sort(client: Client, rows: readonly ProjectedRow[]): Promise<Sorted> {
  const ours = rows.filter(({ run }) => run === 'ours');
  const references = await referencesTo(
    client,
    ours.map(({ run_id }) => run_id),
  );
  const blocked = new Map(
    rows.flatMap(({ legacy_id, run, run_id }) => {
      const table = references.get(run_id);
      if (table !== undefined) return [[legacy_id, `${table} refers to it`]];
      return run === 'not ours' ? [[legacy_id, 'it lost our mark']] : [];
    }),
  );
  return {
    free: ours.filter(({ run_id }) => !references.has(run_id)),
    pruned: rows.filter(({ run }) => run === 'pruned'),
    blocked,
  };
}
