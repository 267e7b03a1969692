/**
 * Finds what no event shows, and repairs it through the projector's own stages: live rows that were committed after
 * their legacy row was projected, memberships that came late, and pairs that can now be settled. Searching holds no
 * lock, so it may take long on a large table. Each repair is a short transaction that stops all partitions first, so
 * that no batch decides by facts that are being changed. Without sweeps, a live row that commits late would leave the
 * run there twice.
 */
import { inTransaction, type Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { addChanges, NO_CHANGES, type Changes } from '../rule/changes.ts';
import { eraseSettled } from './retention.ts';
import { refusalOf } from '../../../lib/postgres-errors.ts';
import { lockAllPartitions } from '../batch/offsets.ts';
import type { PipelineContext } from '../pipeline.ts';
import type { LiveWindowMeter } from '../twins/live-window.ts';
import { fingerprintOf, profileHashOf } from '../rule/fingerprint.ts';
import { ledgerSeeds, rematch } from '../twins/match.ts';
import { rowByRow } from '../batch/row-by-row.ts';
import { TWIN_BLOCKED } from '../twins/plan-links.ts';
import type { Relinked } from '../twins/relink.ts';
import { flipLateOwners, type LateOwners } from './late-owners.ts';
import { readLegacyRows } from './legacy-rows.ts';
import { moveKeys } from './moved-keys.ts';
import { nameProjected } from './name-projected.ts';

const UNLINKED_LIVE = sqlFile(import.meta.url, './sql/unlinked-live.sql');
const ENTER_BY_OWN_RUN = sqlFile(import.meta.url, './sql/enter-by-own-run.sql');
const ENTER_BY_LEGACY_ROW = sqlFile(import.meta.url, './sql/enter-by-legacy-row.sql');
const SETTLE = sqlFile(import.meta.url, './sql/settle.sql');
/**
 * Forbids nested loops, because Postgres cannot estimate how many live rows are unlinked. For a ledger without
 * statistics, as after a bulk load, it expects one, and compares every live row with every run. Measured with 22,000
 * rows: 973 ms with nested loops, 28 ms without.
 */
const FOR_MANY_ROWS = "SET LOCAL statement_timeout = '15min'; SET LOCAL enable_nestloop = off";
/** The number of rows per transaction. The projectors wait while it runs. */
const AT_ONCE = 500;

export interface SweepContext extends PipelineContext {
  /** How long after its decision a stranger's run may still become an owner's. */
  readonly graceSeconds: number;
  /** The age in days at which the content of healed and waived records is removed; undefined if it stays. */
  readonly parkedRetentionDays?: number;
  readonly meter: Pick<LiveWindowMeter, 'lower'> & Partial<Pick<LiveWindowMeter, 'firstLive'>>;
}

export interface SweepResult {
  /** Legacy ids whose canonical row was replaced by a live row that came later. */
  readonly absorbed: readonly string[];
  /** Legacy ids whose links changed in another way, because other rows of their cluster came. */
  readonly relinked: readonly string[];
  /** Why a live row could not replace our canonical row, by legacy id: the table that refers to it, or what refused. */
  readonly blocked: ReadonlyMap<string, string>;
  readonly lateOwners: LateOwners;
  /** The new keys of runs that moved because their primary key was changed. */
  readonly movedKeys: readonly string[];
  /** The number of pairs that were settled. */
  readonly settled: number;
  /** The number of projected rows now that the live path did not record while it was up. */
  readonly stragglers: number;
  /** The number of rows whose content was removed: healed and waived records, and what `undo` kept. */
  readonly erased: number;
  readonly changes: Changes;
}

export async function sweep(context: SweepContext): Promise<SweepResult> {
  const keys = await moveKeys(context);
  const lateOwners = await flipLateOwners(context);
  const suspects = await findSuspects(context);
  const relinked: Relinked[] = [];
  for (let first = 0; first < suspects.length; first += AT_ONCE)
    relinked.push(await lookAgain(context, suspects.slice(first, first + AT_ONCE)));
  const settled = await settle(context);
  const stragglers = await nameProjected(context);
  const { canonical, parkedRetentionDays: days } = context;
  const erased = days === undefined ? 0 : await eraseSettled(canonical, days);
  const applied = relinked.flatMap((one) => one.applied);
  const isAbsorbed = ({ was, becomes }: (typeof applied)[number]) =>
    was.decision === 'projected' && becomes.decision === 'twin';
  return {
    absorbed: applied.filter(isAbsorbed).map(({ legacyId }) => legacyId),
    relinked: applied.filter((change) => !isAbsorbed(change)).map(({ legacyId }) => legacyId),
    blocked: new Map(relinked.flatMap(({ blocked }) => [...blocked])),
    lateOwners,
    settled,
    stragglers,
    erased,
    movedKeys: keys.moved,
    changes: relinked
      .map(({ changes }) => changes)
      .reduce(addChanges, addChanges(keys.changes, lateOwners.changes)),
  };
}

/** An owner's run near a live row that is linked to no legacy row. */
interface Suspect {
  readonly legacy_id: string;
  readonly agent_url: string;
  /** Null if the row has skipped matching so far. */
  readonly fingerprint: string | null;
  readonly live_at_us: string;
}

async function findSuspects({ canonical, matching, meter }: SweepContext): Promise<Suspect[]> {
  const suspects = await inTransaction(canonical, async (client) => {
    await client.query(FOR_MANY_ROWS);
    return (await client.query<Suspect>(UNLINKED_LIVE, [matching.windowUs])).rows;
  });
  for (const { live_at_us } of suspects) meter.lower(BigInt(live_at_us));
  return suspects;
}

async function lookAgain(context: SweepContext, suspects: readonly Suspect[]): Promise<Relinked> {
  const { canonical, matching } = context;
  return await inTransaction(canonical, async (client) => {
    await lockAllPartitions(client);
    const parts = await rowByRow(client, suspects, {
      work: async (some) => {
        const ids = some.map(({ legacy_id }) => legacy_id);
        const outside = some.filter(({ fingerprint }) => fingerprint === null);
        await enterMatching(
          context,
          client,
          outside.map(({ legacy_id }) => legacy_id),
        );
        return await rematch(client, await ledgerSeeds(client, ids), matching);
      },
      refused: ({ legacy_id }, error) => blockedBy(client, legacy_id, refusalOf(error)),
    });
    return {
      changes: parts.map(({ changes }) => changes).reduce(addChanges, NO_CHANGES),
      applied: parts.flatMap(({ applied }) => applied),
      blocked: new Map(parts.flatMap(({ blocked }) => [...blocked])),
    };
  });
}

const BLOCK = `UPDATE history_cdc.ledger SET reason = $2 WHERE legacy_id = $1 AND decision = 'projected'`;

/** The application refuses the removal of our row, so it stays, as if another table referred to it. */
async function blockedBy(client: Client, legacyId: string, why: string): Promise<Relinked> {
  await client.query(BLOCK, [legacyId, TWIN_BLOCKED]);
  return { changes: NO_CHANGES, applied: [], blocked: new Map([[legacyId, why]]) };
}

/** Stores the fingerprints of rows that skipped matching, because a live row is near to them now. */
async function enterMatching(
  { legacy }: SweepContext,
  client: Client,
  legacyIds: readonly string[],
): Promise<void> {
  if (legacyIds.length === 0) return;
  await client.query(ENTER_BY_OWN_RUN, [legacyIds]);
  const { rows } = await client.query<{ legacy_id: string }>(STILL_OUTSIDE, [legacyIds]);
  const found = [
    ...(await readLegacyRows(
      legacy,
      rows.map(({ legacy_id }) => legacy_id),
    )),
  ];
  await client.query(ENTER_BY_LEGACY_ROW, [
    found.map(([legacyId]) => legacyId),
    found.map(([, { summary: headline, totalDurationMs, overallPassed: passing }]) =>
      fingerprintOf({ headline, totalDurationMs, passing }),
    ),
    found.map(([, { agentProfileJson }]) => profileHashOf(agentProfileJson)),
  ]);
}

const STILL_OUTSIDE =
  'SELECT legacy_id FROM history_cdc.ledger WHERE legacy_id = ANY ($1::uuid[]) AND fingerprint IS NULL';

/** True if the statement may find something, judged by the partition that is furthest ahead. */
const MAY_SETTLE = `
  SELECT EXISTS (
    SELECT FROM history_cdc.unsettled_twin u
    WHERE u.tested_at < (SELECT max(o.streamed_until) FROM history_cdc.consumer_offset o) - $1::bigint * interval '1 microsecond'
  ) AS due`;

async function settle({ canonical, matching }: SweepContext): Promise<number> {
  // Most sweeps find nothing to settle. Then no projector has to wait.
  const { rows } = await canonical.query<{ due: boolean }>(MAY_SETTLE, [matching.settleAfterUs]);
  if (rows[0]?.due !== true) return 0;
  return await inTransaction(canonical, async (client) => {
    await lockAllPartitions(client);
    return (await client.query(SETTLE, [matching.settleAfterUs])).rowCount ?? 0;
  });
}
