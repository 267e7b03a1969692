import { canonicalRunId } from '../rule/canonical-run-id.ts';
import type { LaterImage, RecordDecision } from '../rule/decide.ts';
import { OWNER } from '../rule/outcome.ts';
import { epochMicros } from '../record/timestamp.ts';
import type { Client } from '../../../lib/postgres.ts';
import { lockAgents } from './agent-locks.ts';
import { readClusters } from './clusters.ts';
import { LIVE_TWIN, planLinks, WEAK_FINGERPRINT, type LinkChange, type LinkPlan } from './plan-links.ts';
import { projectedKind, type Matching } from './matching.ts';
import { relink, type Relinked } from './relink.ts';
import type { Seed } from './stretches.ts';

export interface Matched {
  /** The decisions; those that have a live row are now `twin`. */
  readonly records: readonly RecordDecision[];
  /** The changes for rows that had a decision already. */
  readonly relinked: Relinked;
  /** Twins that already have a canonical row of ours. They are projected first, and then linked to their live row. */
  readonly giveWay: readonly LinkChange[];
}

/**
 * Finds the live twins of new decisions, and of rows whose new image was written to our canonical row. This may change
 * the links of rows that were decided earlier. The caller holds the agents' locks.
 */
export async function matchRound(
  client: Client,
  { records, laterImages }: { records: readonly RecordDecision[]; laterImages: readonly LaterImage[] },
  matching: Matching,
): Promise<Matched> {
  const { windowUs } = matching;
  const seeds = [...records.flatMap(pendingSeed), ...(await changedSeeds(client, laterImages))];
  const plans = await plansFor(client, seeds, windowUs);
  const relinked = await relink(
    client,
    plans.flatMap(({ changes }) => changes),
  );
  const twins = new Map(plans.flatMap((plan) => [...plan.twins]));
  const weak = new Set(plans.flatMap((plan) => [...plan.weak]));
  const written = await ownRunsAmong(client, [...twins.keys()]);
  const giveWay = [...written].map((legacyId) => givingWay(legacyId, twins.get(legacyId) ?? ''));
  for (const legacyId of written) twins.delete(legacyId);
  return {
    records: records.map((record) => named(withTwin(record, twins, weak), matching)),
    relinked,
    giveWay,
  };
}

/** Matches clusters again in which a row has come or gone. The caller holds the agents' locks. */
export async function rematch(
  client: Client,
  seeds: readonly Seed[],
  { windowUs }: Matching,
): Promise<Relinked> {
  await lockAgents(client, [...new Set(seeds.map(({ agentUrl }) => agentUrl))]);
  const plans = await plansFor(client, seeds, windowUs);
  return await relink(
    client,
    plans.flatMap(({ changes }) => changes),
  );
}

async function plansFor(client: Client, seeds: readonly Seed[], windowUs: bigint): Promise<LinkPlan[]> {
  if (seeds.length === 0) return [];
  const clusters = await readClusters(client, seeds, windowUs);
  return clusters.map((cluster) => planLinks(cluster, windowUs, canonicalRunId));
}

/** An owner's run that is not in the ledger yet, as matching needs it. Empty if no live row can be its twin. */
export function pendingSeed({ event, facts, run }: RecordDecision): Seed[] {
  const { context } = facts;
  if (!facts.inWindow || run?.fingerprint == null || context?.agentUrl == null) return [];
  const atUs = epochMicros(event.row.startedAt);
  if (atUs === undefined) return [];
  const pending = {
    legacyId: event.legacyId,
    startedAtUs: atUs,
    fingerprint: run.fingerprint,
    profileHash: run.profileHash,
    organizationId: context.organizationId,
  };
  return [{ agentUrl: context.agentUrl, fingerprint: run.fingerprint, atUs, pending }];
}

const LEDGER_SEEDS = `
  SELECT agent_url, fingerprint, (extract(epoch FROM started_at) * 1000000)::bigint AS started_at_us
  FROM history_cdc.ledger
  WHERE legacy_id = ANY ($1::uuid[]) AND fingerprint IS NOT NULL AND isfinite(started_at)`;

/** Rows whose new image was written to our canonical row. They may look like a live row now. */
async function changedSeeds(client: Client, laterImages: readonly LaterImage[]): Promise<Seed[]> {
  const applied = laterImages.filter(({ applies, facts }) => applies && facts.inWindow);
  return await ledgerSeeds(
    client,
    applied.map(({ event }) => event.legacyId),
  );
}

/** Rows as the ledger has them, without those that take no part in matching. */
export async function ledgerSeeds(client: Client, legacyIds: readonly string[]): Promise<Seed[]> {
  if (legacyIds.length === 0) return [];
  const { rows } = await client.query<{ agent_url: string; fingerprint: string; started_at_us: string }>(
    LEDGER_SEEDS,
    [legacyIds],
  );
  return rows.map((row) => ({
    agentUrl: row.agent_url,
    fingerprint: row.fingerprint,
    atUs: BigInt(row.started_at_us),
    pending: null,
  }));
}

const OWN_RUNS = `
  SELECT r.id FROM public.agent_compliance_runs r
  WHERE r.id = ANY ($1::uuid[]) AND r.observations_json ->> 'backfill_script' = 'history-cdc'`;

/** Legacy ids with a canonical row of ours that the ledger does not link, because the ledger was lost. */
async function ownRunsAmong(client: Client, legacyIds: readonly string[]): Promise<Set<string>> {
  if (legacyIds.length === 0) return new Set();
  const byRunId = new Map(legacyIds.map((legacyId) => [canonicalRunId(legacyId), legacyId]));
  const { rows } = await client.query<{ id: string }>(OWN_RUNS, [[...byRunId.keys()]]);
  return new Set(rows.flatMap(({ id }) => byRunId.get(id) ?? []));
}

function givingWay(legacyId: string, liveRunId: string): LinkChange {
  return {
    legacyId,
    was: { decision: 'projected', canonicalRunId: canonicalRunId(legacyId) },
    reason: OWNER,
    becomes: { decision: 'twin', canonicalRunId: liveRunId, reason: LIVE_TWIN },
  };
}

function withTwin(
  record: RecordDecision,
  twins: ReadonlyMap<string, string>,
  weak: ReadonlySet<string>,
): RecordDecision {
  const { legacyId } = record.event;
  const live = twins.get(legacyId);
  if (live !== undefined) return { ...record, decision: 'twin', reason: LIVE_TWIN, canonicalRunId: live };
  if (record.decision === 'projected' && weak.has(legacyId)) return { ...record, reason: WEAK_FINGERPRINT };
  return record;
}

/** Sets the reason of a projected row. Rows from before the floor are `history`, so their time need not be parsed. */
function named(record: RecordDecision, { firstLiveUs, windowUs }: Matching): RecordDecision {
  if (record.decision !== 'projected' || record.reason !== OWNER || firstLiveUs === undefined) return record;
  const { event, facts } = record;
  const startedAtUs = facts.inWindow ? epochMicros(event.row.startedAt) : undefined;
  return { ...record, reason: projectedKind(startedAtUs, { firstUs: firstLiveUs(), windowUs }) };
}
