import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { nameProjected } from '../../consumers/agent-test-history/sweep/name-projected.ts';
import { LiveWindowMeter } from '../../consumers/agent-test-history/twins/live-window.ts';
import { EDGE_PROFILES, EDGE_SUMMARIES, EDGE_TIMES } from '../support/edge-values.ts';
import { aRow, snapshotOf, type RowValues } from '../support/records.ts';
import type { Owner } from '../support/tables.ts';
import { MATCHING } from '../support/run-records.ts';
import { sweepContext } from '../support/swept.ts';
import { useWorld } from '../support/world.ts';
import { census, said, urlOf } from './census.ts';

const world = useWorld();

function runOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

/** Times that Debezium and Postgres write alike: the others are in the demo's data. */
const TIMES = EDGE_TIMES.filter((time) => /infinity|^[12]\d{3}-/.test(time));

function at(seconds: number): string {
  return new Date(Date.UTC(2026, 2, 4, 5, 6, 7) + seconds * 1000).toISOString();
}

/** The rows in the table and in the topic; what the census says of them, and what the run then decides. */
async function compared(rows: readonly RowValues[]) {
  for (const row of rows) await world().legacyRow(row);
  const before = await census(await urlOf(world().pool), { optOutPolicy: world().policy });
  // As a projector does when it starts: it learns the spellings of live rows by that.
  const meter = new LiveWindowMeter(world().pool, MATCHING);
  await meter.measure();
  await world().project(rows.map((row) => snapshotOf({ ...row, started_at: isoOf(row.started_at) })));
  await nameProjected({ ...sweepContext(world().pool), meter });
  const decided: Record<string, string> = {};
  for (const { id } of rows) {
    const entry = await world().ledger(id);
    const live = entry?.['decision'] === 'twin' ? ` ${String(entry['canonical_run_id'])}` : '';
    decided[id] = `${String(entry?.['decision'])}: ${String(entry?.['reason'])}${live}`;
  }
  expect(said(before.predictions)).toEqual(decided);
  const after = await census(await urlOf(world().pool), { optOutPolicy: world().policy });
  expect(said(after.predictions), 'what the ledger says does not reach a census').toEqual(decided);
  expect(after.figures).toEqual(before.figures);
  return before;
}

function isoOf(time: string): string {
  return time.replace(' ', 'T').replace(/\+00$/, 'Z');
}

describe('what the census predicts is what the projector then decides', () => {
  test('on owners, strangers, nobody, and spellings of everything', async () => {
    const owner = await world().owner('https://Agent.example/MCP/');
    const spelled = await world().context(owner.organization, ' https://agent.EXAMPLE/mcp// ');
    const none = await world().context(owner.organization, 'https://*.example/mcp');
    const unlisted = await world().context(owner.organization, 'https://unlisted.example/mcp');
    const odd = `org_${randomUUID()}`;
    await world().profile(odd, { url: 'https://odd.example/mcp' });
    await world().member('user_odd', odd);
    const oddContext = await world().context(odd, 'https://odd.example/mcp');
    const users = [owner.user, 'user_stranger', null, '', ' \t', ` ${owner.user}`, owner.user.toUpperCase()];
    const contexts = [owner.context, spelled, none, unlisted];
    const rows = contexts.flatMap((context) =>
      users.map((user) => runOf(owner, { agent_context_id: context, user_id: user })),
    );
    const { figures } = await compared([
      ...rows,
      aRow({ agent_context_id: oddContext, user_id: 'user_odd' }),
    ]);
    expect(figures.decisions).toMatchObject({ projected: 2, anonymous: 12, third_party: 15, gone: 0 });
    expect(figures.oddValues['blank_user']?.count).toBe(8);
    expect(figures.oddValues['padded_user']?.count).toBe(4);
  });

  test('on twins in clusters, that only the whole of a cluster can pair', async () => {
    const owner = await world().owner();
    const live = (seconds: number, values = {}) =>
      world().live({ agent_url: owner.url, tested_at: at(seconds), ...values });
    for (const seconds of [100, 300, 500, 505]) await live(seconds);
    await live(1000, { overall_status: 'partial' });
    await live(1100, { total_duration_ms: 0 });
    await live(1200, { agent_profile_json: null });
    await live(1300, { triggered_org_id: 'org_of_another' });
    const rows = [0, 200, 400, 502, 503, 620, 625, 626].map((seconds) =>
      runOf(owner, { started_at: at(seconds) }),
    );
    const alike = [1000, 1200, 1300].map((seconds) => runOf(owner, { started_at: at(seconds) }));
    const zero = runOf(owner, { started_at: at(1100), total_duration_ms: null });
    const { figures } = await compared([...rows, ...alike, zero]);
    expect(figures.decisions.twin).toBeGreaterThanOrEqual(5);
    expect(figures.decisions.projected).toBeGreaterThanOrEqual(5);
    expect(figures.window.legacyRows).toBeGreaterThan(0);
  });

  test('on live rows in another spelling, and at the edge of the match window', async () => {
    const owner = await world().owner();
    await world().live({ agent_url: `${owner.url.toUpperCase()}/`, tested_at: at(0) });
    await world().live({ agent_url: owner.url, tested_at: at(5000), headline: 'edge' });
    await world().live({ agent_url: owner.url, tested_at: at(9000), headline: 'beyond' });
    const { figures } = await compared([
      runOf(owner, { started_at: at(-120) }),
      runOf(owner, { started_at: at(5120), summary: 'edge' }),
      runOf(owner, { started_at: '2026-03-04T07:38:07.000001Z', summary: 'beyond' }),
    ]);
    expect(figures.decisions).toMatchObject({ twin: 2, projected: 1 });
  });

  test('on fingerprints that are too weak, with and without a profile that confirms them', async () => {
    const owner = await world().owner();
    const weak = { headline: null, total_duration_ms: null } as const;
    await world().live({ agent_url: owner.url, tested_at: at(0), ...weak, agent_profile_json: null });
    await world().live({ agent_url: owner.url, tested_at: at(1000), ...weak });
    const none = { summary: null, total_duration_ms: null };
    const suspected = runOf(owner, { started_at: at(0), ...none });
    const { figures } = await compared([suspected, runOf(owner, { started_at: at(1000), ...none })]);
    expect(figures.weakFingerprint).toEqual({ count: 1, ids: [suspected.id] });
    expect(figures.decisions.twin).toBe(1);
  });

  test('on agents that opted out, with twins and without, by either policy', async () => {
    const owner = await world().owner('https://out.example/mcp');
    await world().registered('HTTPS://OUT.example/mcp/', { optedOut: true });
    await world().live({ agent_url: owner.url, tested_at: at(0) });
    const rows = [
      runOf(owner, { started_at: at(1) }),
      runOf(owner, { started_at: at(2) }),
      runOf(owner, { started_at: at(-9000) }),
    ];
    expect((await compared(rows)).figures.decisions).toMatchObject({ twin: 1, opted_out: 2 });
    world().policy = 'project';
    const { figures } = await census(await urlOf(world().pool), { optOutPolicy: 'project' });
    expect(figures.decisions).toMatchObject({ twin: 1, opted_out: 0, projected: 2 });
  });

  test('on what the earlier script copied: once, twice, and from strangers', async () => {
    const owner = await world().owner();
    const [once, twice, stranger, bystander] = [
      runOf(owner),
      runOf(owner),
      runOf(owner, { user_id: 'user_stranger' }),
      runOf(owner),
    ];
    for (const row of [once, twice, twice, stranger]) await world().scriptCopy(row.id);
    await world().scriptCopy(randomUUID());
    const { figures } = await compared([once, twice, stranger, bystander]);
    expect(figures.decisions).toMatchObject({ adopted: 2, third_party: 1, projected: 1 });
    expect(figures.script).toEqual({
      // A bystander's copy has no legacy row either.
      copies: 6,
      copied: 3,
      copiedTwice: { count: 1, ids: [twice.id] },
      elevated: { count: 1, ids: [stranger.id] },
      copiesOfNoRow: 2,
    });
  });

  test('on odd times, profiles, summaries and counts', async () => {
    const owner = await world().owner();
    await world().live({ agent_url: owner.url, tested_at: '1970-01-01T00:00:00Z' });
    const rows = [
      ...TIMES.map((started_at) => runOf(owner, { started_at })),
      ...EDGE_PROFILES.map((agent_profile_json) => runOf(owner, { agent_profile_json })),
      ...EDGE_SUMMARIES.map((summary) => runOf(owner, { summary })),
      runOf(owner, { steps_passed: -1 }),
      runOf(owner, { dry_run: null, total_duration_ms: 0 }),
    ];
    const { figures } = await compared(rows);
    expect(figures.oddValues['infinite_start']?.ids.length).toBe(2);
    expect(figures.oddValues['negative_count']).toMatchObject({ count: 1 });
    expect(figures.oddValues['null_dry_run']).toMatchObject({ count: 1 });
    expect(figures.quarantined).toEqual({});
  });
});
