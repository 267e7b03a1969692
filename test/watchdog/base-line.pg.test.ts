import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runSourceSql } from '../../connectors/deploy/run-sql.ts';
import { sourceSql } from '../../connectors/deploy/source-sql.ts';
import { gapOpen, streamBroken } from '../../operations/watchdog/break-errors.ts';
import { seenIn } from './seen.ts';
import { CONFIG } from '../doctor/healthy.ts';
import { acceptGaps, checkContinuity } from '../../operations/continuity/identity-store.ts';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { identitiesOf } from '../../operations/continuity/judge.ts';

/*
 * A base line is recorded only of what is fit, and the steps that a break prints lead to green, each once. The looks are at
 * a real database, which is broken as an online schema change or a person breaks it.
 */
const NAME = `b_${randomBytes(5).toString('hex')}`;
const TABLE = 'public.agent_test_history';

let open: OpenDatabase;
let dba: Pool;
let topicId: string;

const sql = async (...statements: string[]) => {
  for (const statement of statements) await dba.query(statement);
};
const seen = () => seenIn(open.pool, { publication: NAME, slot: NAME });
const look = async () => checkContinuity(open.pool, { topicId, present: await seen() });
const accept = async (id = '') =>
  acceptGaps(open.pool, { topicId, ids: [id], present: await seen(), xmax: null });
const recorded = async (): Promise<string | undefined> => {
  const { rows } = await open.pool.query<{ identity: string }>(
    `SELECT identity FROM history_cdc.source_identity WHERE topic_id = $1 AND part = 'publication'`,
    [topicId],
  );
  return rows[0]?.identity;
};
/** The first step that a broken publication prints. */
const script = async () => {
  await runSourceSql(
    open.database.superuserUrl,
    sourceSql({ PUBLICATION_NAME: NAME, CONNECTOR_DATABASE_URL: `postgresql://${NAME}@db/app` }),
  );
};

beforeAll(async () => {
  open = await openMigratedDatabase();
  dba = createPool({ url: open.database.superuserUrl, name: 'test dba', connections: 1 });
  await script();
});
afterAll(async () => {
  await sql(`DROP OWNED BY ${NAME}`, `DROP ROLE ${NAME}`);
  await dba.end();
  await open.close();
});
beforeEach(async () => {
  topicId = randomUUID();
  await script();
  await sql('DELETE FROM history_cdc.gap');
  await registerTopic(open.pool, { topicId, name: 'topic', partitions: 1 }, true);
});

/** The steps as they are printed, followed: mend, accept once, and no look is broken any more. */
async function mendedByItsSteps(): Promise<void> {
  const { breaks, gaps } = await look();
  expect(breaks).toMatchObject([{ kind: 'publication', mendFirst: true }]);
  expect(gaps).toHaveLength(1);
  const id = gaps[0]?.id ?? '';
  const steps = streamBroken({ breaks, gaps }, CONFIG).wayOut.split('\n').slice(1);
  expect(steps[0]).toContain('history-cdc connector sql | psql');
  expect(steps[2]).toContain(`history-cdc project --accept-gap ${id} `);
  await expect(accept(id)).rejects.toMatchObject({ code: 'GAP_OPEN' });
  expect((await look()).gaps).toMatchObject([{ id, acceptedAt: null }]);
  await script();
  await look();
  await accept(id);
  expect(await look()).toMatchObject({ breaks: [], gaps: [{ id, acceptedAt: expect.any(Date) as Date }] });
  expect(await recorded()).toBe((await seen()).publication);
}

describe('at the first look, nothing is recorded of a publication', () => {
  test.each([
    ['that lost the table', `ALTER PUBLICATION ${NAME} DROP TABLE ${TABLE}`],
    ['that is gone', `DROP PUBLICATION ${NAME}`],
    ['without deletes', `ALTER PUBLICATION ${NAME} SET (publish = 'insert, update, truncate')`],
    ['with a row filter', `ALTER PUBLICATION ${NAME} SET TABLE ${TABLE} WHERE (dry_run)`],
    ['with a column list', `ALTER PUBLICATION ${NAME} SET TABLE ${TABLE} (id, scenario)`],
  ])('%s, and its steps lead to green', async (_, breakIt) => {
    await sql(breakIt);
    await look();
    expect(await recorded()).toBeUndefined();
    await mendedByItsSteps();
  });
});

test('a table that was swapped under the publication: one break, mended by its steps', async () => {
  await look();
  const before = await recorded();
  await sql(
    'ALTER TABLE agent_test_history RENAME TO agent_test_history_old',
    'CREATE TABLE agent_test_history (LIKE agent_test_history_old INCLUDING ALL)',
    'ALTER TABLE agent_test_history OWNER TO app',
  );
  try {
    await mendedByItsSteps();
    expect(await recorded()).not.toBe(before);
  } finally {
    await sql(
      'DROP TABLE agent_test_history',
      'ALTER TABLE agent_test_history_old RENAME TO agent_test_history',
    );
  }
});

const record = (identity: string) =>
  open.pool.query(
    `INSERT INTO history_cdc.source_identity (topic_id, part, identity) VALUES ($1, 'publication', $2)`,
    [topicId, identity],
  );

test('a base line that an earlier release recorded of an unfit publication is a gap, though it is mended now', async () => {
  await record(`${NAME} (oid 5), insert update delete truncate, of table none`);
  const { breaks, gaps } = await look();
  expect(breaks).toMatchObject([{ kind: 'publication' }]);
  expect(gaps).toHaveLength(1);
  // What is there now is fit: the first step is the acceptance.
  expect(gapOpen(gaps, CONFIG).wayOut.split('\n')[1]).toContain('history-cdc project --accept-gap ');
  await accept(gaps[0]?.id);
  expect((await look()).breaks).toEqual([]);
});

test('a base line that an earlier release recorded of a fit publication stays good, and is completed', async () => {
  const { publication } = await seen();
  await record((publication ?? '').replace(/, entry \d+$/, ''));
  expect(await look()).toEqual({ breaks: [], gaps: [] });
  expect(await recorded()).toBe(publication);
});

test('a table that was taken out and put back between two looks is a break', async () => {
  await look();
  await sql(`ALTER PUBLICATION ${NAME} DROP TABLE ${TABLE}`, `ALTER PUBLICATION ${NAME} ADD TABLE ${TABLE}`);
  expect((await look()).breaks).toMatchObject([{ kind: 'publication' }]);
  // To set the tables that it has is none.
  topicId = randomUUID();
  await registerTopic(open.pool, { topicId, name: 'topic', partitions: 1 }, true);
  await look();
  await sql(
    `ALTER PUBLICATION ${NAME} SET TABLE ${TABLE}, history_cdc_source.signal, history_cdc_source.heartbeat`,
  );
  expect(await look()).toEqual({ breaks: [], gaps: [] });
});

test('what changes between the first look and the first commit is a break, though nothing is recorded', async () => {
  topicId = randomUUID();
  const seenFirst = identitiesOf(await seen());
  expect(await look()).toEqual({ breaks: [], gaps: [] });
  await sql(`ALTER PUBLICATION ${NAME} DROP TABLE ${TABLE}`, `ALTER PUBLICATION ${NAME} ADD TABLE ${TABLE}`);
  await registerTopic(open.pool, { topicId, name: 'topic', partitions: 1 }, true);
  const present = await seen();
  const { breaks, gaps } = await checkContinuity(open.pool, { topicId, present, seenBefore: seenFirst });
  expect(breaks).toMatchObject([{ kind: 'publication' }]);
  await accept(gaps[0]?.id);
  expect((await checkContinuity(open.pool, { topicId, present, seenBefore: seenFirst })).breaks).toEqual([]);
});

test('before the connector has streamed anything, an unfit publication is no break: `connector apply` refuses', async () => {
  await sql(`ALTER PUBLICATION ${NAME} DROP TABLE ${TABLE}`);
  expect(await checkContinuity(open.pool, { topicId: undefined, present: await seen() })).toEqual({
    breaks: [],
    gaps: [],
  });
});
