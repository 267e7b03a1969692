import { expect, test } from 'vitest';
import { z } from 'zod';
import { insertStory, seedOrganisations } from '../support/application-rows.ts';
import { usePipeline } from '../support/pipeline.ts';

// Nobody writes but the connector's own heartbeat: no later change of any partition tells that the stream has passed.
const id = (n: number) => `60000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const LATE = id(50);

const pipeline = usePipeline({
  partitions: 2,
  seed: async (pool) => {
    await seedOrganisations(pool);
    for (let n = 0; n < 8; n++) await insertStory(pool, { id: id(n), summary: `story ${String(n)}` });
  },
});

const document = z.object({
  verdict: z.string(),
  waitedFor: z.string().nullable(),
  findings: z.array(z.object({ kind: z.string(), legacyId: z.string(), state: z.string() })),
});

async function reconcile(...options: string[]) {
  const { code, stdout, stderr } = await pipeline().run(['reconcile', '--json', ...options]);
  expect(stderr).not.toContain('error');
  return { code, ...document.parse(JSON.parse(stdout)) };
}

test('a row that no projector took is in flight, and the answer says who is waited for', async () => {
  await pipeline().project();
  expect(await reconcile()).toEqual({ code: 0, verdict: 'proven', waitedFor: null, findings: [] });
  await insertStory(pipeline().pool, { id: LATE, summary: 'late' });
  await pipeline().delivered();
  const late = await reconcile('--settle-seconds', '10');
  expect(late).toMatchObject({ code: 1, verdict: 'not_proven' });
  expect(late.findings).toEqual([expect.objectContaining({ legacyId: LATE, state: 'in_flight' })]);
  expect(late.waitedFor).toContain('1 partition(s) of the topic are not projected to their end');
  await pipeline().project();
  expect(await reconcile()).toMatchObject({ code: 0, verdict: 'proven' });
});

test('a row that the stream never brought is confirmed as lost, without a word from the user', async () => {
  await pipeline().query(
    `WITH lost AS (DELETE FROM history_cdc.ledger WHERE legacy_id = $1 RETURNING canonical_run_id)
     DELETE FROM agent_compliance_runs r USING lost WHERE r.id = lost.canonical_run_id`,
    [LATE],
  );
  const lost = await reconcile('--settle-seconds', '60');
  expect(lost).toMatchObject({ code: 1, verdict: 'wrong', waitedFor: null });
  expect(lost.findings).toEqual([
    expect.objectContaining({ kind: 'unseen', legacyId: LATE, state: 'confirmed' }),
  ]);
});
