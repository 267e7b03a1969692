import { expect, test } from 'vitest';
import {
  CONTEXTS,
  insertRuns,
  insertStory,
  largeProfile,
  seedOrganisations,
  STRANGER,
} from '../support/application-rows.ts';
import { accountingErrors, contentHash, differences } from '../support/canonical.ts';
import { EDGE_PROFILES, EDGE_SUMMARIES, EDGE_TIMES } from '../support/edge-values.ts';
import { usePipeline } from '../support/pipeline.ts';
import { readTopic } from '../support/topic-records.ts';

const id = (n: number) => `20000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const LARGE = id(1);
const STRANGERS = id(2);

const pipeline = usePipeline({
  converter: 'json',
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, 80);
    await insertStory(pool, { id: LARGE, profile: largeProfile(LARGE) });
    await insertStory(pool, { id: STRANGERS, user: STRANGER });
    for (const [n, startedAt] of EDGE_TIMES.entries())
      await insertStory(pool, { id: id(100 + n), startedAt });
    for (const [n, profile] of EDGE_PROFILES.entries()) await insertStory(pool, { id: id(200 + n), profile });
    for (const [n, summary] of EDGE_SUMMARIES.entries())
      await insertStory(pool, { id: id(300 + n), summary });
  },
});

async function expectAllRight(): Promise<void> {
  expect(await differences(pipeline())).toEqual([]);
  expect(await accountingErrors(pipeline())).toEqual([]);
}

test('without a registry, snapshot and stream come as JSON and are projected just the same', async () => {
  await insertRuns(pipeline().pool, 81, 100);
  await pipeline().query('UPDATE agent_test_history SET agent_context_id = $1 WHERE id = $2', [
    CONTEXTS.media,
    LARGE,
  ]);
  await pipeline().query(
    'INSERT INTO oracle.kept_run SELECT * FROM oracle.expected_run WHERE legacy_id = $1',
    [id(100)],
  );
  await pipeline().query('DELETE FROM agent_test_history WHERE id = $1', [id(100)]);
  await pipeline().delivered();
  const facts = await pipeline().project();
  expect(facts.read).toBe(await pipeline().records());
  expect(facts.records.quarantined).toBe(0);
  expect(facts.valuesLeftOut).toEqual({ agentProfileJson: 1 });
  await expectAllRight();
  for (const { value } of await readTopic(pipeline())) {
    if (value !== null) expect(value.toString('utf8', 0, 1)).toBe('{');
  }
});

test('a record that cannot be read takes the decision of its key, and the next good one of the key heals it', async () => {
  const [{ partition } = { partition: -1 }] = await pipeline().query<{ partition: number }>(
    'SELECT partition FROM history_cdc.ledger WHERE legacy_id = $1',
    [STRANGERS],
  );
  const key = Buffer.from(JSON.stringify({ id: STRANGERS }));
  await pipeline().produce([{ key, value: Buffer.from('{"op": "u", "after": {'), partition }]);
  const before = await contentHash(pipeline());
  for (const args of [['project', '--until-caught-up'], ['project', '--dry-run'], ['replay']]) {
    const { code, stderr } = await pipeline().run(args, { QUARANTINE_MAX_SHARE: '0' });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error QUARANTINE_BREAKER: more than 0 of 1000 records would be quarantined: undecodable 1\b/m,
    );
  }
  expect(await contentHash(pipeline())).toBe(before);
  expect((await pipeline().project()).decisions).toEqual({ quarantined: 1 });
  const ledger = () =>
    pipeline().query('SELECT decision, reason FROM history_cdc.ledger WHERE legacy_id = $1', [STRANGERS]);
  expect(await ledger()).toEqual([{ decision: 'quarantined', reason: 'undecodable' }]);

  await pipeline().query("UPDATE agent_test_history SET summary = 'good again' WHERE id = $1", [STRANGERS]);
  await pipeline().delivered();
  expect((await pipeline().project()).decisions).toEqual({ third_party: 1 });
  expect(
    await pipeline().query('SELECT healed_at IS NOT NULL AS healed FROM history_cdc.quarantine'),
  ).toEqual([{ healed: true }]);
  await expectAllRight();
});

test('a second run and a replay change nothing', async () => {
  const before = await contentHash(pipeline());
  expect(await pipeline().project()).toMatchObject({ read: 0, changes: { total: 0 } });
  expect((await pipeline().facts(['replay'])).changes.total).toBe(0);
  expect(await contentHash(pipeline())).toBe(before);
});
