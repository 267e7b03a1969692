import { describe, expect, test } from 'vitest';
import type { Candidate, Cluster, LiveCandidate } from '../../consumers/agent-test-history/twins/clusters.ts';
import { fingerprintOf } from '../../consumers/agent-test-history/rule/fingerprint.ts';
import type { LegacyRun } from '../../consumers/agent-test-history/twins/match-twin.ts';
import { planLinks } from '../../consumers/agent-test-history/twins/plan-links.ts';

const WINDOW = 120_000_000n;
const fingerprint = fingerprintOf({ headline: 'all good', totalDurationMs: 1200, passing: true });

const pending = (legacyId: string, seconds: number): LegacyRun => ({
  legacyId,
  startedAtUs: BigInt(seconds) * 1_000_000n,
  fingerprint,
  profileHash: null,
  organizationId: 'org',
});
const linked = (legacyId: string, seconds: number, runId: string): Candidate => ({
  ...pending(legacyId, seconds),
  decision: 'twin',
  reason: 'live_twin',
  canonicalRunId: runId,
  unsettled: true,
  hasRun: true,
});
const live = (runId: string, seconds: number, holder: string | null): LiveCandidate => ({
  runId,
  testedAtUs: BigInt(seconds) * 1_000_000n,
  fingerprint,
  profileHash: null,
  organizationId: null,
  holder,
});
const planOf = (cluster: Omit<Cluster, 'agentUrl'>) =>
  planLinks({ agentUrl: 'https://agent.example', ...cluster }, WINDOW, (legacyId) => `ours of ${legacyId}`);

describe('a live row that stands for', () => {
  test('a run outside of the cluster goes to nobody else', () => {
    const { twins, changes } = planOf({
      pending: [pending('a', 0)],
      legacy: [],
      live: [live('x', 1, 'a run whose start was corrected')],
    });
    expect(twins.size).toBe(0);
    expect(changes).toEqual([]);
  });

  test('a run of the cluster that is unsettled goes to one that is nearer', () => {
    const { twins, changes } = planOf({
      pending: [pending('a', 1)],
      legacy: [linked('b', 9, 'x')],
      live: [live('x', 1, 'b')],
    });
    expect(twins).toEqual(new Map([['a', 'x']]));
    expect(changes).toMatchObject([
      { legacyId: 'b', becomes: { decision: 'projected', canonicalRunId: 'ours of b' } },
    ]);
  });
});
