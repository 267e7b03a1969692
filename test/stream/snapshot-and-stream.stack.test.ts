import { expect, test } from 'vitest';
import {
  CONTEXTS,
  insertRuns,
  insertStory,
  largeProfile,
  MARKER,
  OWNER,
  seedOrganisations,
  STRANGER,
} from '../support/application-rows.ts';
import {
  accountingErrors,
  canonicalHash,
  contentHash,
  differences,
  expectedRunId,
  ledgerDecisions,
} from '../support/canonical.ts';
import { EDGE_PROFILES, EDGE_SUMMARIES, EDGE_TIMES } from '../support/edge-values.ts';
import { usePipeline } from '../support/pipeline.ts';

/** Ids of the rows that have a story of their own. */
const id = (n: number) => `10000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const [MERGED, MERGED_STRANGERS, UPDATED] = [id(1), id(2), id(3)];
const MOVED_TO_STRANGERS_AGENT = id(20);
const DELETED = id(21);
const BORN_AND_DELETED = id(22);
const INSERTED_AGAIN = id(23);
const [OLD_KEY, NEW_KEY] = [id(24), id(25)];
const BECOMES_OURS = id(30);
const VANISHED_WHEN_MOVED = id(31);
const COPIED_BY_SCRIPT = id(40);
const STRANGERS_COPIED_BY_SCRIPT = id(41);
const SHORT_LIVED_CONTEXT = '00000000-0000-4000-8000-000000000099';
const IN_SHORT_LIVED_CONTEXT = id(50);

const pipeline = usePipeline({
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, 240);
    const large = (story: string) => ({ id: story, profile: largeProfile(story) });
    for (const story of [
      { ...large(MERGED), context: CONTEXTS.spelled },
      { ...large(MERGED_STRANGERS), context: CONTEXTS.spelled, user: STRANGER },
      large(UPDATED),
      large(MOVED_TO_STRANGERS_AGENT),
      { id: DELETED },
      { id: INSERTED_AGAIN },
      { id: OLD_KEY },
      { ...large(BECOMES_OURS), context: CONTEXTS.foreign, summary: `summary ${MARKER}` },
      { ...large(VANISHED_WHEN_MOVED), context: CONTEXTS.unlisted },
      { id: COPIED_BY_SCRIPT },
      { id: STRANGERS_COPIED_BY_SCRIPT, user: STRANGER },
      ...EDGE_TIMES.map((startedAt, n) => ({ id: id(100 + n), startedAt })),
      ...EDGE_PROFILES.map((profile, n) => ({ id: id(200 + n), profile })),
      ...EDGE_SUMMARIES.map((summary, n) => ({ id: id(300 + n), summary })),
    ]) {
      await insertStory(pool, story);
    }
    await pool.query(
      `INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, triggered_by, observations_json)
         SELECT 'https://shop.example/mcp', 'testing', 'passing', 'owner_test',
                jsonb_build_object('backfill_source', 'agent_test_history', 'backfill_source_id', copied, 'backfill_script', 'backfill-owner-test-history')
         FROM unnest($1::uuid[]) AS copied`,
      [[COPIED_BY_SCRIPT, STRANGERS_COPIED_BY_SCRIPT]],
    );
  },
});

async function expectAllRight(): Promise<void> {
  expect(await differences(pipeline())).toEqual([]);
  expect(await accountingErrors(pipeline())).toEqual([]);
  const runs = await pipeline().query<{ id: string; legacy_id: string }>(
    `SELECT id, observations_json ->> 'backfill_source_id' AS legacy_id FROM agent_compliance_runs
     WHERE observations_json ->> 'backfill_script' = 'history-cdc'`,
  );
  // A run whose key was changed keeps the id that followed from its first key.
  const firstKey = (key: string) => (key === NEW_KEY ? OLD_KEY : key);
  expect(runs.map((run) => run.id)).toEqual(runs.map((run) => expectedRunId(firstKey(run.legacy_id))));
}

/** The canonical rows of these legacy rows are to stay as they are now, whatever becomes of the legacy rows. */
async function keep(condition: string, values: readonly unknown[]): Promise<void> {
  const kept = await pipeline().query(
    `INSERT INTO oracle.kept_run SELECT * FROM oracle.expected_run
     WHERE legacy_id IN (SELECT id FROM agent_test_history WHERE ${condition}) RETURNING 1`,
    values,
  );
  expect(kept.length).toBeGreaterThan(0);
}

test('a dry run says what would be done and does nothing', async () => {
  const before = await contentHash(pipeline());
  const facts = await pipeline().facts(['project', '--dry-run']);
  expect(facts.read).toBe(await pipeline().records());
  expect(facts.changes.runsInserted).toBe(
    await pipeline().value('SELECT count(*)::integer FROM oracle.expected_run'),
  );
  expect(facts.changes.ledgerWritten).toBe(facts.read);
  expect(await contentHash(pipeline())).toBe(before);
  for (const table of ['topic', 'last_sweep'])
    expect(await pipeline().value(`SELECT count(*)::integer FROM history_cdc.${table}`)).toBe(0);
});

test('the snapshot is projected as plain SQL says', async () => {
  const facts = await pipeline().project();
  await expectAllRight();
  expect(facts.records.applied).toBe(await pipeline().records());
  expect(facts.decisions).toEqual(await ledgerDecisions(pipeline()));
  expect(Object.keys(facts.decisions).sort()).toEqual([
    'adopted',
    'anonymous',
    'opted_out',
    'projected',
    'third_party',
  ]);
  expect(
    await pipeline().query('SELECT decision, reason FROM history_cdc.ledger WHERE legacy_id = $1', [
      STRANGERS_COPIED_BY_SCRIPT,
    ]),
  ).toEqual([{ decision: 'third_party', reason: 'not_a_member,script_copy_elevated' }]);
});

test('updates, merges and deletes are projected, with the values that Debezium leaves out', async () => {
  await insertRuns(pipeline().pool, 241, 320);
  await pipeline().query(
    "UPDATE agent_test_history SET summary = 'changed', overall_passed = NOT overall_passed WHERE id = $1",
    [UPDATED],
  );
  await keep('id = ANY ($1)', [[MOVED_TO_STRANGERS_AGENT, DELETED]]);
  const moveTo = 'UPDATE agent_test_history SET agent_context_id = $1 WHERE';
  await pipeline().query(`${moveTo} agent_context_id = $2`, [CONTEXTS.media, CONTEXTS.spelled]);
  await pipeline().query('DELETE FROM agent_contexts WHERE id = $1', [CONTEXTS.spelled]);
  await pipeline().query(`${moveTo} id = $2`, [CONTEXTS.foreign, MOVED_TO_STRANGERS_AGENT]);
  await pipeline().query(`${moveTo} id = ANY ($2)`, [CONTEXTS.shop, [BECOMES_OURS, VANISHED_WHEN_MOVED]]);
  await pipeline().query('DELETE FROM agent_test_history WHERE id = ANY ($1)', [
    [DELETED, VANISHED_WHEN_MOVED, INSERTED_AGAIN],
  ]);
  await insertStory(pipeline().pool, { id: INSERTED_AGAIN, summary: 'again' });
  await insertStory(pipeline().pool, { id: BORN_AND_DELETED });
  await keep('id = $1', [BORN_AND_DELETED]);
  await pipeline().query('DELETE FROM agent_test_history WHERE id = $1', [BORN_AND_DELETED]);
  await pipeline().query('INSERT INTO agent_contexts (id, organization_id, agent_url) VALUES ($1, $2, $3)', [
    SHORT_LIVED_CONTEXT,
    'org_a',
    'https://short.example',
  ]);
  await insertStory(pipeline().pool, { id: IN_SHORT_LIVED_CONTEXT, context: SHORT_LIVED_CONTEXT });
  await pipeline().query('DELETE FROM agent_contexts WHERE id = $1', [SHORT_LIVED_CONTEXT]);
  await changeKey();
  await pipeline().delivered();

  const facts = await pipeline().project();
  await expectAllRight();
  expect(facts.records).toMatchObject({ duplicate: 0, stale: 0, quarantined: 2 });
  // Parked: VANISHED_WHEN_MOVED, and NEW_KEY until the sweep. MERGED, MERGED_STRANGERS, UPDATED, MOVED_TO_STRANGERS_AGENT, BECOMES_OURS and VANISHED_WHEN_MOVED.
  expect(facts.valuesLeftOut).toEqual({ agentProfileJson: 6 });
  expect(
    await decisionsOf([
      MOVED_TO_STRANGERS_AGENT,
      BECOMES_OURS,
      VANISHED_WHEN_MOVED,
      IN_SHORT_LIVED_CONTEXT,
      BORN_AND_DELETED,
    ]),
  ).toEqual([
    'projected: moved_to_agent_not_owned',
    'projected: history',
    'quarantined: value_unavailable',
    'orphaned: context_missing',
    'projected: history',
  ]);
});

/** Debezium writes a delete, its tombstone and an insert, mostly to two partitions: the run moves to the new key. */
async function changeKey(): Promise<void> {
  await pipeline().query('UPDATE agent_test_history SET id = $2 WHERE id = $1', [OLD_KEY, NEW_KEY]);
  await pipeline().query('INSERT INTO oracle.record VALUES (2)');
  await pipeline().query('INSERT INTO oracle.seen VALUES ($1)', [NEW_KEY]);
}

async function decisionsOf(ids: readonly string[]): Promise<string[]> {
  const rows = await pipeline().query<{ line: string }>(
    `SELECT l.decision || ': ' || l.reason AS line FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, n)
     JOIN history_cdc.ledger l ON l.legacy_id = wanted.id ORDER BY n`,
    [ids],
  );
  return rows.map(({ line }) => line);
}

test('the deletion of a context leaves its canonical rows and marks the ledger', async () => {
  await keep('agent_context_id = $1', [CONTEXTS.media]);
  const deleted = await pipeline().value(
    'SELECT count(*)::integer FROM agent_test_history WHERE agent_context_id = $1',
    [CONTEXTS.media],
  );
  const before = await canonicalHash(pipeline());
  await pipeline().query('DELETE FROM agent_contexts WHERE id = $1', [CONTEXTS.media]);
  await pipeline().delivered();

  const facts = await pipeline().project();
  await expectAllRight();
  expect(facts.records).toEqual({
    applied: deleted,
    duplicate: 0,
    stale: 0,
    tombstone: deleted,
    quarantined: 0,
  });
  expect(await canonicalHash(pipeline())).toBe(before);
});

test('a second run and a replay change nothing', async () => {
  const before = await contentHash(pipeline());
  const second = await pipeline().project();
  expect(second).toMatchObject({ read: 0, changes: { total: 0 } });
  const replay = await pipeline().facts(['replay']);
  expect(replay.read).toBe(await pipeline().records());
  expect(replay.changes.total).toBe(0);
  expect(replay.records).toMatchObject({ applied: 0, quarantined: 0 });
  expect(await contentHash(pipeline())).toBe(before);
});

test('rows that are not an owner’s are nowhere in the canonical table, and what was there before stands', async () => {
  expect(
    await pipeline().query(
      `SELECT l.legacy_id FROM history_cdc.ledger l JOIN agent_compliance_runs r ON r.observations_json ->> 'backfill_source_id' = l.legacy_id::text
       WHERE l.decision NOT IN ('projected', 'adopted') AND r.observations_json ->> 'backfill_script' = 'history-cdc'`,
    ),
  ).toEqual([]);
  const counts = await pipeline().query(
    `SELECT count(*) FILTER (WHERE observations_json IS NULL)::integer AS live,
            count(*) FILTER (WHERE observations_json ->> 'backfill_script' = 'backfill-owner-test-history')::integer AS script,
            count(*) FILTER (WHERE observations_json ->> 'backfill_script' = 'history-cdc')::integer AS ours
     FROM agent_compliance_runs`,
  );
  const ours = await pipeline().value('SELECT count(*)::integer FROM oracle.expected_all');
  expect(counts).toEqual([{ live: 2, script: 2, ours }]);
  expect(await pipeline().query('SELECT status, headline FROM agent_compliance_status')).toEqual([
    { status: 'degraded', headline: 'as it was' },
  ]);
});

test('no value of a row and no secret is in what the commands print, not even at LOG_LEVEL=debug', () => {
  const { output, settings } = pipeline();
  expect(output).toContain('partitions assigned');
  expect(output).not.toContain(MARKER);
  expect(output).not.toContain(OWNER);
  expect(output).not.toContain(new URL(settings['DATABASE_URL'] ?? '').password);
});
