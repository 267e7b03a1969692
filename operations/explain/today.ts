import { inDryRun, type Client } from '../../lib/postgres.ts';
import { isRowFault } from '../../lib/postgres-errors.ts';
import type { Position } from '../../lib/position.ts';
import { applyEffects } from '../../consumers/agent-test-history/batch/apply-effects.ts';
import { NO_CHANGES } from '../../consumers/agent-test-history/rule/changes.ts';
import { decideImage } from '../../consumers/agent-test-history/rule/decide.ts';
import type { CompleteRow, ImageEvent } from '../../consumers/agent-test-history/record/event.ts';
import { withFacts, type LookUpContext } from '../../consumers/agent-test-history/batch/look-up-and-lock.ts';
import type { RowFacts } from '../../consumers/agent-test-history/rule/row-facts.ts';
import { lockPartition } from '../../consumers/agent-test-history/batch/offsets.ts';
import type { Decision } from '../../consumers/agent-test-history/rule/outcome.ts';
import type { PipelineContext } from '../../consumers/agent-test-history/pipeline.ts';
import { restoreUndone } from '../../consumers/agent-test-history/batch/restore.ts';
import { emptyResult, type Tally } from '../../consumers/agent-test-history/batch/result.ts';
import { lockAgents } from '../../consumers/agent-test-history/twins/agent-locks.ts';
import type { Today } from './report.ts';

/**
 * A limit below every time, so that no row skips matching. For one row this costs nothing, and saves the scan that
 * finds the real limit.
 */
export const EVERY_ROW = -(2n ** 62n);

const STANDING = 'SELECT decision, reason, canonical_run_id FROM history_cdc.ledger WHERE legacy_id = $1';

export type TodayContext = Omit<PipelineContext, 'matching' | 'legacy'> & {
  readonly matching: Omit<PipelineContext['matching'], 'floorUs'>;
};

interface Candidate {
  readonly legacyId: string;
  readonly row: CompleteRow;
  /** After everything that the ledger has seen of the key. */
  readonly position: Position;
}

/**
 * What the projector would do if an incremental snapshot brought the row now: runs its own stages in a transaction that
 * is rolled back. A snapshot does not say when the row was changed, so it settles and loosens no pair.
 */
export async function decideToday(
  { canonical, optOutPolicy, matching }: TodayContext,
  { legacyId, row, position }: Candidate,
): Promise<Today> {
  const event: ImageEvent & { readonly row: CompleteRow } = {
    kind: 'image',
    op: 'r',
    position,
    legacyId,
    lsn: null,
    snapshot: true,
    record: { offset: position.offset, key: null, value: null },
    committedAtMs: null,
    row,
  };
  const decide = (facts: RowFacts) => {
    const effect = decideImage(event, facts, optOutPolicy);
    if (effect === undefined) throw new Error('a whole row is not complete');
    return effect;
  };
  const firstLook = (facts: RowFacts): Today['rule'] => {
    const effect = decide({ ...facts, entry: null });
    if (effect.effect !== 'record') throw new Error('a row that was never seen got no decision');
    return { decision: effect.decision, reason: effect.reason };
  };
  let rule: Today['rule'] | undefined;
  try {
    return await inDryRun(canonical, async (client) => {
      await lockPartition(client, { ...position, kind: 'dry_run' });
      const tally = emptyResult();
      const looking = { client, matching: { ...matching, floorUs: () => EVERY_ROW } };
      const before = await factsOf(looking, event, tally);
      rule = firstLook(before);
      await lockAgents(client, agentsOf(before));
      const facts = await factsOf(looking, event, tally);
      await applyEffects(looking, [decide(facts)], tally);
      return { ...(await standing(client, legacyId)), changes: tally.changes, rule: firstLook(facts) };
    });
  } catch (error) {
    if (!isRowFault(error) || rule === undefined) throw error;
    return {
      decision: 'quarantined',
      reason: 'rejected_by_postgres',
      canonical_run_id: null,
      changes: NO_CHANGES,
      rule,
    };
  }
}

/** As with any event, what `undo` removed of the row is restored first. */
async function factsOf(context: LookUpContext, event: ImageEvent, tally: Tally): Promise<RowFacts> {
  const [known] = await restoreUndone(context, await withFacts(context, [event]), tally);
  if (known === undefined) throw new Error('the look-up gave no answer');
  return known.facts;
}

function agentsOf({ entry, context }: RowFacts): string[] {
  return [...new Set([entry?.agentUrl, context?.agentUrl])].filter(
    (agentUrl) => typeof agentUrl === 'string',
  );
}

interface Standing {
  readonly decision: Decision;
  readonly reason: string;
  readonly canonical_run_id: string | null;
}

async function standing(client: Client, legacyId: string): Promise<Standing> {
  const { rows } = await client.query<Standing>(STANDING, [legacyId]);
  const [row] = rows;
  if (row === undefined) throw new Error('the projector left a row without a decision');
  return row;
}
