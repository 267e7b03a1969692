import { expect, test } from 'vitest';
import { readLastSweeps } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import { CONTEXTS, insertStory, seedOrganisations } from '../support/application-rows.ts';
import { expectedRunId } from '../support/canonical.ts';
import { usePipeline } from '../support/pipeline.ts';

const RUN = '30000000-0000-4000-8000-000000000001';

const pipeline = usePipeline({
  partitions: 2,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertStory(pool, { id: RUN, summary: 'recorded twice', context: CONTEXTS.shop });
  },
});

test('a run that ends by itself has the last word on live rows that came after their legacy rows', async () => {
  expect(await pipeline().project()).toMatchObject({ decisions: { projected: 1 }, sweeps: { absorbed: 0 } });
  const [live] = await pipeline().query<{ id: string }>(
    `INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, headline, triggered_by, dry_run, tested_at)
     SELECT agent_url, lifecycle_stage, overall_status, headline, 'owner_test', false, tested_at
     FROM agent_compliance_runs WHERE id = $1 RETURNING id`,
    [expectedRunId(RUN)],
  );
  // No interval passes: this one sweep is the one at the end.
  expect(await pipeline().project()).toMatchObject({ read: 0, sweeps: { sweeps: 1, absorbed: 1 } });
  expect(
    await pipeline().query('SELECT decision, canonical_run_id FROM history_cdc.ledger WHERE legacy_id = $1', [
      RUN,
    ]),
  ).toEqual([{ decision: 'twin', canonical_run_id: live?.id }]);
  const { done, failed } = await readLastSweeps(pipeline().pool);
  expect([done, failed]).toEqual([expect.objectContaining({ by: 'project', absorbed: 1, settled: 0 }), null]);
});
