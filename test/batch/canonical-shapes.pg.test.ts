import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import { assertBothWhole, assertTakesRuns } from '../../consumers/agent-test-history/schema/requirements.ts';
import { undo } from '../../operations/undo/undo.ts';
import { openApplicationDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { aRow, inserted, updated, type Message, type RowValues } from '../support/records.ts';
import { reconciled } from '../support/reconciled.ts';
import { asRecords, MATCHING, runRecords, TOPIC_ID } from '../support/run-records.ts';
import { swept } from '../support/swept.ts';
import { Tables } from '../support/tables.ts';

/*
 * A canonical table of another shape than a plain one, as the application may have it: the whole way of a row through it.
 */
const RUNS = 'public.agent_compliance_runs';
const PARTITIONED = `
  ALTER TABLE ${RUNS} RENAME TO plain_runs;
  CREATE TABLE ${RUNS} (LIKE public.plain_runs INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id)) PARTITION BY`;
const PARTITIONS = [0, 1, 2]
  .map(
    (n) =>
      `CREATE TABLE public.runs_${String(n)} PARTITION OF ${RUNS} FOR VALUES WITH (MODULUS 3, REMAINDER ${String(n)});`,
  )
  .join('');
const DROP_PLAIN = 'DROP TABLE public.plain_runs CASCADE;';

let open: OpenDatabase;
let tables: Tables;

function inDatabaseWith(shape: string): void {
  beforeAll(async () => {
    open = await openApplicationDatabase();
    await open.pool.query(shape);
    await migrate(open.pool, undefined);
    tables = new Tables(open.pool);
  });
  beforeEach(async () => {
    await tables.reset();
    await registerTopic(open.pool, { topicId: TOPIC_ID, name: 'topic', partitions: 1 }, false);
  });
  afterAll(async () => {
    await open.close();
  });
}

async function project(messages: readonly Message[]): Promise<void> {
  const { claim, nextOffset } = await takeOver(
    open.pool,
    { topicId: TOPIC_ID, partition: 0, offset: 0n },
    'test',
  );
  await runRecords({
    context: { canonical: open.pool, legacy: open.pool, optOutPolicy: 'respect', matching: MATCHING },
    records: asRecords(messages, nextOffset),
    mode: { kind: 'commit', claim },
    rows: 1000,
  });
}

async function ownersRows(count: number): Promise<{ rows: RowValues[]; url: string }> {
  const { context, user, url } = await tables.owner();
  const rows = Array.from({ length: count }, (_, n) =>
    aRow({ agent_context_id: context, user_id: user, summary: `run ${String(n)}` }),
  );
  for (const row of rows) await tables.legacyRow(row);
  return { rows, url };
}

/** Projects, changes, gives way to a live row, is proven, and is taken back. */
async function wholeWay(): Promise<void> {
  await assertBothWhole(open.pool, open.pool);
  await assertTakesRuns(open.pool);
  const { rows, url } = await ownersRows(12);
  await project(rows.map(inserted));
  const [first, second] = rows as [RowValues, RowValues];
  const later = { ...first, summary: 'later' };
  await open.pool.query('UPDATE public.agent_test_history SET summary = $2 WHERE id = $1', [
    first.id,
    later.summary,
  ]);
  await project([updated(later)]);
  expect(await tables.run(first.id)).toMatchObject({ headline: 'later' });
  const live = await tables.live({ agent_url: url, headline: second.summary });
  expect((await swept(open.pool)).absorbed).toEqual([second.id]);
  expect(await tables.ledger(second.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
  const { named } = await reconciled(open.pool);
  expect(named.filter((name) => rows.some(({ id }) => name.includes(id)))).toEqual([]);
  const { removable } = await undo({ canonical: open.pool, progress: () => undefined }, 12);
  // One of the bystanders is ours, too.
  expect(removable).toBe(12);
}

describe('partitioned by the hash of its id', () => {
  inDatabaseWith(`${PARTITIONED} HASH (id); ${PARTITIONS} ${DROP_PLAIN}`);
  test('takes a row through its whole way', wholeWay);
});

describe('partitioned by its id, with a partition missing', () => {
  inDatabaseWith(`${PARTITIONED} RANGE (id);
    CREATE TABLE public.runs_low PARTITION OF ${RUNS} FOR VALUES FROM (MINVALUE) TO ('80000000-0000-0000-0000-000000000000');
    CREATE TABLE public.runs_bystanders PARTITION OF ${RUNS}
      FOR VALUES FROM ('b0000000-0000-4000-8000-000000000000') TO ('b0000000-0000-4000-8000-ffffffffffff');
    ${DROP_PLAIN}`);
  test('a row that has no partition is parked, and the others are projected', async () => {
    const { rows } = await ownersRows(30);
    await project(rows.map(inserted));
    const decisions = await Promise.all(
      rows.map(async ({ id }) => String((await tables.ledger(id))?.['decision'])),
    );
    expect(new Set(decisions)).toEqual(new Set(['projected', 'quarantined']));
    const parked = await tables.quarantined();
    expect(parked).toHaveLength(decisions.filter((decision) => decision === 'quarantined').length);
    for (const { detail } of parked) expect(detail).toContain('SQLSTATE 23514');
  });
});

describe('with a table that inherits from it', () => {
  inDatabaseWith(`CREATE TABLE public.old_runs (PRIMARY KEY (id)) INHERITS (${RUNS})`);
  test('takes a row through its whole way', wholeWay);

  test('a live row in the inheriting table is a twin', async () => {
    const { rows, url } = await ownersRows(1);
    const [row] = rows as [RowValues];
    const live = await tables.live({ agent_url: url, headline: row.summary });
    await open.pool.query(
      `WITH moved AS (DELETE FROM ONLY ${RUNS} WHERE id = $1 RETURNING *) INSERT INTO public.old_runs SELECT * FROM moved`,
      [live],
    );
    await project([inserted(row)]);
    expect(await tables.ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
  });
});
