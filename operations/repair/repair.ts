/**
 * Repairs what `reconcile` found wrong with our rows. Canonical rows that are missing or were changed by somebody are
 * written again from the legacy table, by the statement that wrote them first. This is no new decision: recorded
 * decisions stay as they are. A row that would not be ours today is left, and named.
 */
import { inDryRun, inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { recordAction } from '../../consumers/agent-test-history/batch/actions.ts';
import { addChanges, NO_CHANGES, type Changes } from '../../consumers/agent-test-history/rule/changes.ts';
import { decideImage, type RecordDecision } from '../../consumers/agent-test-history/rule/decide.ts';
import { lookUp, lookupKeyOf } from '../../consumers/agent-test-history/lookup/lookup.ts';
import { refusalOf } from '../../lib/postgres-errors.ts';
import { lockAllPartitions } from '../../consumers/agent-test-history/batch/offsets.ts';
import type { PipelineContext } from '../../consumers/agent-test-history/pipeline.ts';
import { rowByRow } from '../../consumers/agent-test-history/batch/row-by-row.ts';
import { compare, fetchFor, type CheckContext } from '../reconcile/checks.ts';
import { decidedEvents } from '../../consumers/agent-test-history/sweep/decide-again.ts';
import { readLegacyRows } from '../../consumers/agent-test-history/sweep/legacy-rows.ts';
import { writeDecisions } from '../../consumers/agent-test-history/batch/write.ts';

/** Rows per transaction. The projectors wait while it runs. */
const AT_ONCE = 500;

/** What writes the rows, and what looks at them afterwards. */
export type RepairContext = PipelineContext &
  CheckContext & {
    /** Name of the person who asked for it; the user of the operating system if undefined. */
    readonly by?: string | undefined;
  };

export interface Repaired {
  /** Legacy ids whose canonical row is now right. Each was compared after it was written. */
  readonly repaired: readonly string[];
  /** The reason why a row was not written, by legacy id. */
  readonly left: ReadonlyMap<string, string>;
  readonly changes: Changes;
}

/** Goes through the findings of a finished run. Without `apply`, every transaction is rolled back. */
export async function repair(context: RepairContext, runId: string, apply: boolean): Promise<Repaired> {
  const repaired: string[] = [];
  const left = new Map<string, string>();
  let changes = NO_CHANGES;
  for (let after = NONE; ;) {
    const ids = await repairable(context.canonical, runId, after);
    const last = ids.at(-1);
    if (last === undefined) return { repaired, left, changes };
    const part = await repairPart(context, { runId, legacyIds: ids }, apply);
    repaired.push(...part.repaired);
    for (const [legacyId, why] of part.left) left.set(legacyId, why);
    changes = addChanges(changes, part.changes);
    after = last;
  }
}

const NONE = '00000000-0000-0000-0000-000000000000';
const REPAIRABLE = `
  SELECT DISTINCT legacy_id FROM history_cdc.reconcile_finding
  WHERE run_id = $1 AND kind IN ('missing', 'different') AND state = 'confirmed' AND accepted_by IS NULL AND legacy_id > $2
  ORDER BY legacy_id LIMIT ${String(AT_ONCE)}`;

async function repairable(canonical: Pool, runId: string, after: string): Promise<string[]> {
  const { rows } = await canonical.query<{ legacy_id: string }>(REPAIRABLE, [runId, after]);
  return rows.map(({ legacy_id }) => legacy_id);
}

async function repairPart(
  context: RepairContext,
  { runId, legacyIds }: Part,
  apply: boolean,
): Promise<Repaired> {
  const transaction = apply ? inTransaction : inDryRun;
  return await transaction(context.canonical, async (client) => {
    // Read under the lock, so that no batch can apply a newer image than the one written here.
    await lockAllPartitions(client);
    const rows = await readLegacyRows(context.legacy, legacyIds);
    const { records, left } = await ourRows(context, client, { legacyIds, rows });
    const parts = await rowByRow(client, records, {
      work: (some) => writeDecisions(client, some),
      refused: ({ event }, error) => {
        left.set(event.legacyId, `the application refuses it: ${refusalOf(error)}`);
        return Promise.resolve(NO_CHANGES);
      },
    });
    const changes = parts.reduce(addChanges, NO_CHANGES);
    const written = records.flatMap(({ event }) => (left.has(event.legacyId) ? [] : [event.legacyId]));
    const still = await stillWrong(context, client, { runId, legacyIds: written });
    const repaired = written.filter((legacyId) => !still.has(legacyId));
    const { runsInserted: inserted, runsUpdated: updated } = changes;
    const counts = { inserted, updated, left: left.size + still.size };
    await recordAction(client, {
      command: 'reconcile --repair --apply',
      counts,
      ...(context.by !== undefined && { by: context.by }),
    });
    return { repaired, left: new Map([...left, ...still]), changes };
  });
}

interface Part {
  readonly runId: string;
  readonly legacyIds: readonly string[];
}

const NOW = 'SELECT clock_timestamp()::text AS now';
const FOUND_AGAIN = `
  SELECT legacy_id, kind, fields FROM history_cdc.reconcile_finding
  WHERE run_id = $1 AND kind IN ('missing', 'different') AND legacy_id = ANY ($2::uuid[]) AND seen_at >= $3::timestamptz
  ORDER BY legacy_id, kind DESC`;

interface FoundAgain {
  readonly legacy_id: string;
  readonly kind: 'missing' | 'different';
  readonly fields: readonly string[];
}

/**
 * Compares the rows again, with the statements of `reconcile`. A trigger or a rule of the application may have skipped
 * or changed a row without an error. Returns the reason for each row that is still wrong. The findings of the run stay
 * as they were.
 */
async function stillWrong(
  context: RepairContext,
  client: Client,
  { runId, legacyIds }: Part,
): Promise<ReadonlyMap<string, string>> {
  if (legacyIds.length === 0) return new Map();
  await client.query('SAVEPOINT compared');
  const now = (await client.query<{ now: string }>(NOW)).rows[0]?.now;
  const rows = { ids: legacyIds };
  for (const phase of ['legacy', 'ledger'] as const) {
    const fetched = await fetchFor(context, context.canonical, { phase, rows });
    await compare(context, client, { runId, phase, rows, fetched });
  }
  const { rows: found } = await client.query<FoundAgain>(FOUND_AGAIN, [runId, legacyIds, now]);
  await client.query('ROLLBACK TO SAVEPOINT compared');
  return new Map(
    found.map(({ legacy_id, kind, fields }) => [
      legacy_id,
      kind === 'missing'
        ? 'it was written, but is missing: a trigger or rule of agent_compliance_runs skips it'
        : `it was written, but still differs in ${fields.join(', ')}: a trigger or rule of agent_compliance_runs changes it, or the legacy row has changed since`,
    ]),
  );
}

/** What the projector would write for rows that are decided as projected. */
async function ourRows(
  { matching, optOutPolicy }: PipelineContext,
  client: Client,
  { legacyIds, rows }: { legacyIds: readonly string[]; rows: Awaited<ReturnType<typeof readLegacyRows>> },
): Promise<{ records: readonly RecordDecision[]; left: Map<string, string> }> {
  const left = new Map(legacyIds.map((legacyId) => [legacyId, whyNot(rows.has(legacyId))]));
  const events = await decidedEvents(client, { legacyIds, from: ['projected'] }, rows);
  const facts = await lookUp(client, events.map(lookupKeyOf), matching.floorUs());
  const records: RecordDecision[] = [];
  for (const [index, event] of events.entries()) {
    const known = facts[index];
    // Decided as if the row had never been seen; otherwise the ledger's guard would drop it as an older image.
    const effect = known && decideImage(event, { ...known, entry: null, runExists: false }, optOutPolicy);
    if (effect?.effect !== 'record') continue;
    if (effect.decision === 'projected') {
      records.push(effect);
      left.delete(event.legacyId);
    } else left.set(event.legacyId, `it would be ${effect.decision} (${effect.reason}) today`);
  }
  return { records, left };
}

function whyNot(isThere: boolean): string {
  return isThere ? 'its canonical row is not one of ours' : 'the legacy row is gone';
}
