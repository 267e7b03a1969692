import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { ANSWERS, type AnswerFacts } from '../../cli/answers.ts';
import { aRow, deleted, inserted, rawRecord, type RowValues } from '../support/records.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

async function find(...options: string[]) {
  return await runInProcess(['find', ...options, '--json'], { DATABASE_URL: world().url });
}

async function found(...options: string[]): Promise<AnswerFacts<'find'>> {
  const { code, stdout } = await find(...options);
  const facts = ANSWERS.find.parse(JSON.parse(stdout));
  expect(code).toBe(facts.rows.length > 0 ? 0 : 1);
  return facts;
}

const idsOf = (facts: AnswerFacts<'find'>) => facts.rows.map(({ legacyId }) => legacyId);

/** A ledger with an owner's two runs, one of a stranger, one of nobody, one that was deleted, and one that is parked. */
async function story() {
  const owner = await world().owner('https://story.example/mcp');
  const row = (values: Partial<RowValues>) =>
    aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
  const rows = {
    first: row({ started_at: '2026-03-01T00:00:00Z' }),
    second: row({ started_at: '2026-03-02T00:00:00Z' }),
    stranger: row({ started_at: '2026-03-03T00:00:00Z', user_id: 'user_stranger' }),
    anonymous: row({ started_at: '2026-03-04T00:00:00Z', user_id: null }),
    removed: row({ started_at: '2026-03-05T00:00:00Z' }),
  };
  const parked = randomUUID();
  for (const [name, each] of Object.entries(rows)) if (name !== 'removed') await world().legacyRow(each);
  await world().project([
    ...Object.values(rows).map((each) => inserted(each)),
    deleted(rows.removed.id),
    rawRecord(parked, { after: 'no row' }),
  ]);
  for (const { id } of Object.values(rows)) expect(await world().ledger(id)).toBeDefined();
  expect(await world().ledger(parked)).toMatchObject({ decision: 'quarantined' });
  return { owner, parked, ...rows };
}

test('each thing that a search may name finds the rows that have it, newest first', async () => {
  const { owner, parked, first, second, stranger, anonymous, removed } = await story();
  const all = [removed, anonymous, stranger, second, first].map(({ id }) => id);
  expect(idsOf(await found('--agent', ' HTTPS://Story.example/mcp/ '))).toEqual(all);
  expect(await found('--agent-part', 'STORY.')).toMatchObject({ agents: [owner.url] });
  expect(idsOf(await found('--agent-part', 'STORY.'))).toEqual(all);
  expect(idsOf(await found('--organization', owner.organization))).toEqual(all);
  expect(idsOf(await found('--user', 'user_stranger'))).toEqual([stranger.id]);
  expect(idsOf(await found('--decision', 'anonymous'))).toEqual([anonymous.id]);
  expect(idsOf(await found('--user', owner.user, '--decision', 'projected'))).toEqual([
    removed.id,
    second.id,
    first.id,
  ]);
  expect(idsOf(await found('--quarantined'))).toEqual([parked]);
  expect(idsOf(await found('--not-quarantined', '--user', owner.user))).not.toContain(parked);
  const day = ['--from', '2026-03-02T00:00:00Z', '--to', '2026-03-04T00:00:00Z'];
  expect(idsOf(await found('--agent', owner.url, ...day))).toEqual([stranger.id, second.id]);
  const { rows } = await found('--user', 'user_stranger');
  expect(rows[0]).toMatchObject({ decision: 'third_party', agentUrl: owner.url, canonicalRunId: null });
  const [gone] = (await found('--agent', owner.url, '--limit', '1')).rows;
  expect(gone?.sourceDeletedAt).not.toBeNull();
});

test('what nothing has is not found, with exit code 1, and a text that names no agent is said to be one', async () => {
  await story();
  expect(await found('--user', 'user_nobody')).toMatchObject({ rows: [], next: null });
  expect((await found('--agent', 'two words')).notes).toHaveLength(1);
  expect(await found('--agent-part', '%')).toMatchObject({ rows: [], agents: [] });
});

test('pages neither repeat nor leave out a row, also without a known start', async () => {
  const { parked } = await story();
  const whole = idsOf(await found());
  expect(whole).toContain(parked);
  const paged: unknown[] = [];
  for (let after: string[] | undefined = []; after !== undefined;) {
    const page: AnswerFacts<'find'> = await found('--limit', '2', ...after);
    paged.push(...idsOf(page));
    after = page.next === null ? undefined : ['--after', String(page.next)];
  }
  expect(paged).toEqual(whole);
});

test('a short id finds legacy and canonical rows, live rows, and rows that have no decision yet', async () => {
  const { first, owner } = await story();
  const run = String((await world().run(first.id))?.['id']);
  for (const id of [first.id, first.id.slice(0, 13).toUpperCase(), run, run.slice(0, 13)])
    expect((await found('--id', id)).rows).toMatchObject([
      { legacyId: first.id, canonicalRunId: run, decision: 'projected' },
    ]);
  const live = await world().live({ agent_url: owner.url });
  expect((await found('--id', live)).rows).toMatchObject([{ legacyId: null, decision: 'canonical only' }]);
  const waiting = aRow({ agent_context_id: owner.context, user_id: owner.user });
  await world().legacyRow(waiting);
  expect((await found('--id', waiting.id)).rows).toMatchObject([
    { legacyId: waiting.id, decision: 'not decided yet' },
  ]);
  expect((await find('--id', 'xyz')).code).toBe(2);
  expect((await find('--after', "'; DROP TABLE x")).code).toBe(2);
});

test('what hides rows, or a legacy table that gives no answer, is never taken for none', async () => {
  const { first } = await story();
  const settings = { DATABASE_URL: world().url, LEGACY_DATABASE_URL: 'postgres://app@127.0.0.1:1/app' };
  const unseen = await runInProcess(['find', '--id', 'ffffffff-ffff', '--json'], settings);
  expect(unseen.code).toBe(2);
  expect(unseen.stderr + unseen.stdout).toContain('DATABASE_UNREACHABLE');
  const known = await runInProcess(['find', '--id', first.id, '--json'], settings);
  expect(known.code).toBe(0);
  expect(ANSWERS.find.parse(JSON.parse(known.stdout)).notes).toHaveLength(1);
  await world().pool.query(
    'ALTER TABLE history_cdc.ledger ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
  );
  const hidden = await find('--user', 'user_stranger');
  await world().pool.query(
    'ALTER TABLE history_cdc.ledger DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY',
  );
  expect(hidden.code).toBe(2);
  expect(hidden.stderr + hidden.stdout).toContain('ROWS_HIDDEN');
});

test('a role that may not read the stage does not take the table for dropped', async () => {
  const { first } = await story();
  await world().pool.query('ALTER TABLE history_cdc.stage RENAME COLUMN stage TO hidden');
  const unseen = await find('--id', 'ffffffff-ffff');
  const known = await find('--id', first.id);
  await world().pool.query('ALTER TABLE history_cdc.stage RENAME COLUMN hidden TO stage');
  expect(unseen.code).toBe(2);
  expect(known.code).toBe(0);
  expect(ANSWERS.find.parse(JSON.parse(known.stdout)).notes).toHaveLength(1);
});
