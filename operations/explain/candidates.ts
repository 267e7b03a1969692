import type { Client, Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { readLegacyRows } from '../../consumers/agent-test-history/sweep/legacy-rows.ts';
import { epochMicros } from '../../consumers/agent-test-history/record/timestamp.ts';
import { profileHashOf, type Fingerprinted } from '../../consumers/agent-test-history/rule/fingerprint.ts';
import { compareTwin, type ComparableLegacy, type ComparableLive } from './compare-twin.ts';
import type { CandidateTwin, CanonicalRun } from './report.ts';

const LIVE_NEARBY = sqlFile(import.meta.url, './sql/live-nearby.sql');
const LEGACY_NEARBY = sqlFile(import.meta.url, './sql/legacy-nearby.sql');

interface LiveNearby {
  readonly run_id: string;
  readonly headline: string | null;
  readonly total_duration_ms: number | null;
  readonly passing: boolean;
  readonly profile_hash: string | null;
  readonly organization_id: string | null;
  readonly tested_at: string;
  readonly tested_at_us: string;
  readonly holder: string | null;
}

/** Live rows of the agent around a legacy row, nearest first. */
export async function liveCandidates(
  client: Client,
  { agentUrl, startedAt }: { readonly agentUrl: string; readonly startedAt: string },
  { legacy, windowUs }: { readonly legacy: ComparableLegacy; readonly windowUs: bigint },
): Promise<CandidateTwin[]> {
  const { rows } = await client.query<LiveNearby>(LIVE_NEARBY, [agentUrl, startedAt, windowUs]);
  return rows.map((row) => ({ id: row.run_id, ...compareTwin(legacy, comparableLive(row), windowUs) }));
}

function comparableLive(row: LiveNearby): ComparableLive {
  return {
    runId: row.run_id,
    testedAtUs: BigInt(row.tested_at_us),
    profileHash: row.profile_hash,
    organizationId: row.organization_id,
    values: { headline: row.headline, totalDurationMs: row.total_duration_ms, passing: row.passing },
    holder: row.holder,
  };
}

interface LegacyNearby {
  readonly legacy_id: string;
  readonly organization_id: string | null;
  readonly fingerprint: string | null;
  readonly profile_hash: string | null;
  readonly canonical_run_id: string | null;
  readonly decision: string;
  readonly started_at_us: string;
}

/** Legacy rows of the agent around a live row that no legacy row is linked to, nearest first. */
export async function legacyCandidates(
  { canonical, legacy }: { readonly canonical: Pool; readonly legacy: Pool },
  run: CanonicalRun,
  windowUs: bigint,
): Promise<CandidateTwin[]> {
  const testedAtUs = epochMicros(run.tested_at);
  if (run.canonical_agent_url === null || testedAtUs === undefined) return [];
  const { rows } = await canonical.query<LegacyNearby>(LEGACY_NEARBY, [
    run.canonical_agent_url,
    run.tested_at,
    windowUs,
  ]);
  const stored = await readLegacyRows(
    legacy,
    rows.map(({ legacy_id }) => legacy_id),
  );
  const live: ComparableLive = {
    runId: run.id,
    testedAtUs,
    profileHash: run.profile_hash,
    organizationId: run.triggered_org_id,
    values: valuesOfRun(run),
    holder: run.linked_legacy_id,
  };
  return rows.map((row) => {
    const values = stored.get(row.legacy_id);
    const compared = compareTwin(
      {
        legacyId: row.legacy_id,
        startedAtUs: BigInt(row.started_at_us),
        organizationId: row.organization_id ?? '',
        fingerprint: row.fingerprint,
        profileHash: values === undefined ? row.profile_hash : profileHashOf(values.agentProfileJson),
        values:
          values === undefined
            ? null
            : {
                headline: values.summary,
                totalDurationMs: values.totalDurationMs,
                passing: values.overallPassed,
              },
      },
      live,
      windowUs,
    );
    return { id: row.legacy_id, ...compared, why: `${row.decision}${linkOf(row)}; ${compared.why}` };
  });
}

function linkOf({ canonical_run_id: id }: LegacyNearby): string {
  return id === null ? '' : `, linked to canonical row ${id}`;
}

/** How a canonical row looks in the comparison. */
export function valuesOfRun(run: CanonicalRun): Fingerprinted {
  return {
    headline: run.headline,
    totalDurationMs: run.total_duration_ms,
    passing: run.overall_status === 'passing',
  };
}
