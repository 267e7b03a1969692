import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentRuns, findAgents, provenanceOf, readAgent } from '../../operations/find/agents.ts';
import type { Pool } from '../../lib/postgres.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { aRow, inserted } from '../support/records.ts';
import { Tables } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

async function historyOf(pool: Pool, agentUrl: string, limit = 50) {
  const seen: { id: string; from: string; legacyId: string | null }[] = [];
  for (let after: string | undefined; ;) {
    const page = await agentRuns(pool, { agentUrl, after, limit });
    if (page === undefined) throw new Error('the place is one that a page gave');
    for (const run of page.items) seen.push({ id: run.id, from: provenanceOf(run), legacyId: run.legacyId });
    if (page.next === null) return seen;
    after = page.next;
  }
}

describe('a ledger', () => {
  const world = useWorld();

  test('each run says where it comes from: projected, twin, adopted, copied, live', async () => {
    const owner = await world().owner();
    const legacy = (values: object) =>
      aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
    const projected = legacy({ summary: 'a', started_at: '2026-03-01T00:00:00Z' });
    const twin = legacy({ summary: 'b', started_at: '2026-03-02T00:00:01Z' });
    const adopted = legacy({ summary: 'copied by the script', started_at: '2026-01-05T00:00:00Z' });
    for (const row of [projected, twin, adopted]) await world().legacyRow(row);
    const linked = await world().live({
      agent_url: owner.url,
      headline: 'b',
      total_duration_ms: twin.total_duration_ms,
      tested_at: '2026-03-02T00:00:00Z',
    });
    const copy = await world().scriptCopy(adopted.id);
    await world().project([projected, twin, adopted].map((row) => inserted(row)));
    const live = await world().live({
      agent_url: owner.url,
      headline: 'c',
      tested_at: '2026-03-05T00:00:00Z',
    });
    const own = await world().run(projected.id);
    for (const [row, decision] of [
      [projected, 'projected'],
      [twin, 'twin'],
      [adopted, 'adopted'],
    ] as const)
      expect(await world().ledger(row.id)).toMatchObject({ decision });
    const expected = [
      { id: live, from: 'live', legacyId: null },
      { id: linked, from: 'twin', legacyId: twin.id },
      { id: String(own?.['id']), from: 'projected', legacyId: projected.id },
    ];
    expect(await historyOf(world().pool, owner.url)).toEqual(expected);
    expect(await historyOf(world().pool, 'https://copy.example')).toContainEqual({
      id: copy,
      from: 'adopted',
      legacyId: adopted.id,
    });
    await world().pool.query('DELETE FROM history_cdc.ledger WHERE legacy_id = ANY ($1::uuid[])', [
      [projected.id, adopted.id],
    ]);
    expect((await historyOf(world().pool, owner.url)).map(({ from }) => from)).toEqual([
      'live',
      'twin',
      'unlinked',
    ]);
    expect((await historyOf(world().pool, 'https://copy.example')).find(({ id }) => id === copy)?.from).toBe(
      'copied',
    );
  });
});

// What needs no ledger.
let open: OpenDatabase;
let tables: Tables;
beforeAll(async () => {
  open = await openMigratedDatabase();
  tables = new Tables(open.pool);
});
afterAll(async () => {
  await open.close();
});

test('pages neither repeat nor leave out runs of the same instant, nor those at the ends of time', async () => {
  const { url } = await tables.owner();
  const times = ['infinity', '-infinity', '2026-03-05T00:00:00.000001Z', '2026-03-05T00:00:00.000002Z'];
  const ids: string[] = [];
  for (const tested_at of times)
    for (let n = 0; n < 3; n++) ids.push(await tables.live({ agent_url: url, tested_at }));
  const whole = await historyOf(open.pool, url);
  expect(whole.map(({ id }) => id).sort()).toEqual([...ids].sort());
  for (const limit of [1, 2, 5]) expect(await historyOf(open.pool, url, limit)).toEqual(whole);
});

test('a place that no page gave is refused, and never reaches the database', async () => {
  for (const after of [
    '',
    'x',
    '2026~x',
    "'~6b0f7a52-3f0e-4c55-9d52-0c8f7c1f7a10",
    '2026-13-99 99:99:99+00~seven',
  ])
    expect(await agentRuns(open.pool, { agentUrl: 'https://a.example', after, limit: 5 })).toBeUndefined();
});

test('agents are found by a part of the URL, by organisation and by user, in pages', async () => {
  const [one, two] = [
    await tables.owner('https://one.find.example/mcp'),
    await tables.owner('https://two.find.example/mcp'),
  ];
  const found = async (text: string, limit = 10) => {
    const urls: (string | null)[] = [];
    for (let after: string | undefined; ;) {
      const page = await findAgents(open.pool, { text, after, limit });
      if (page.next === null) return urls;
      urls.push(...page.items.map(({ agentUrl }) => agentUrl));
      after = page.next;
    }
  };
  expect(await found('.FIND.example')).toEqual([one.url, two.url]);
  expect(await found('.find.example/mcp/', 1)).toEqual([one.url, two.url]);
  expect(await found(two.organization)).toEqual([two.url]);
  expect(await found(one.user)).toEqual([one.url]);
  expect(await found('%')).toEqual([]);
  expect(await readAgent(open.pool, ' HTTPS://One.find.example/mcp/ ')).toEqual({
    agentUrl: one.url,
    organizations: [one.organization],
  });
  // Found also where the application has stored another spelling of the URL.
  await tables.context('org_of_a_spelling', ' https://ONE.find.example/mcp// ');
  await tables.context('org_of_another', 'https://one.find.example/mcp/more');
  expect((await readAgent(open.pool, one.url))?.organizations.toSorted()).toEqual(
    [one.organization, 'org_of_a_spelling'].toSorted(),
  );
  expect(await readAgent(open.pool, 'two words')).toBeUndefined();
});
