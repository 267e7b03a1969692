import { inTransaction, type Pool } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { NO_CHANGES, addChanges, type Changes } from '../rule/changes.ts';
import type { Decision } from '../rule/outcome.ts';
import type { PipelineContext } from '../pipeline.ts';
import { decideAgain, DECIDED_AT_ONCE } from './decide-again.ts';

const LATE_OWNERS = sqlFile(import.meta.url, './sql/late-owners.sql');

/** Runs that were a stranger's when they were decided, and whose user owns the agent by now. */
export interface LateOwners {
  /** Decided anew, inside the grace window: the new decision by legacy id. */
  readonly flipped: ReadonlyMap<string, Decision>;
  /** Legacy ids of older decisions, which a person has to look at. */
  readonly reported: readonly string[];
  readonly changes: Changes;
}

type LateOwnersContext = PipelineContext & { readonly graceSeconds: number };

/**
 * Memberships come from an identity provider and lag, so a run may be seen before the membership that makes it an
 * owner's. Young decisions are taken again with the same rule; older ones are only reported, because by then a new
 * membership may as well be a new member. The other way round nothing is looked at: an owner decision stands.
 */
export async function flipLateOwners(context: LateOwnersContext): Promise<LateOwners> {
  const { canonical, graceSeconds } = context;
  const owners = await ownersByNow(canonical, graceSeconds);
  const young = owners.filter((owner) => owner.young).map(({ legacy_id }) => legacy_id);
  const flipped = new Map<string, Decision>();
  let changes = NO_CHANGES;
  for (let at = 0; at < young.length; at += DECIDED_AT_ONCE) {
    const again = await decideAgain(context, young.slice(at, at + DECIDED_AT_ONCE), ['third_party']);
    for (const [legacyId, decision] of again.decided) flipped.set(legacyId, decision);
    changes = addChanges(changes, again.changes);
  }
  return {
    flipped,
    reported: owners.filter((owner) => !owner.young).map(({ legacy_id }) => legacy_id),
    changes,
  };
}

interface OwnerByNow {
  readonly legacy_id: string;
  /** Decided inside the grace window. */
  readonly young: boolean;
}

async function ownersByNow(canonical: Pool, graceSeconds: number): Promise<OwnerByNow[]> {
  return await inTransaction(canonical, async (client) => {
    await client.query("SET LOCAL statement_timeout = '15min'");
    // A ledger that grew faster than its statistics passes for empty: every stranger would be held against every context.
    await client.query('SET LOCAL enable_nestloop = off');
    return (await client.query<OwnerByNow>(LATE_OWNERS, [graceSeconds])).rows;
  });
}
