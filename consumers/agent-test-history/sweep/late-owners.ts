import { inTransaction, type Pool } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { NO_CHANGES, addChanges, type Changes } from '../rule/changes.ts';
import type { Decision } from '../rule/outcome.ts';
import type { PipelineContext } from '../pipeline.ts';
import { decideAgain, DECIDED_AT_ONCE } from './decide-again.ts';

const LATE_OWNERS = sqlFile(import.meta.url, './sql/late-owners.sql');

/** Runs that were decided as a stranger's, and whose user owns the agent now. */
export interface LateOwners {
  /** The new decisions by legacy id, of runs inside the grace window. */
  readonly flipped: ReadonlyMap<string, Decision>;
  /** The legacy ids of runs outside the grace window, which a person has to look at. */
  readonly reported: readonly string[];
  readonly changes: Changes;
}

type LateOwnersContext = PipelineContext & { readonly graceSeconds: number };

/**
 * Finds runs of strangers who own the agent now. Memberships come late from an identity provider, so a run may be seen
 * before the membership of its owner. A run inside the grace window is decided again with the same rule. An older run
 * is only reported, because its user may be a new member. Owner decisions are not looked at, because they are never
 * taken back.
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
  /** True if the run was decided inside the grace window. */
  readonly young: boolean;
}

async function ownersByNow(canonical: Pool, graceSeconds: number): Promise<OwnerByNow[]> {
  return await inTransaction(canonical, async (client) => {
    await client.query("SET LOCAL statement_timeout = '15min'");
    // If the ledger has grown since its statistics were taken, Postgres expects few rows and picks nested loops, which
    // would
    // compare every stranger's run with every context.
    await client.query('SET LOCAL enable_nestloop = off');
    return (await client.query<OwnerByNow>(LATE_OWNERS, [graceSeconds])).rows;
  });
}
