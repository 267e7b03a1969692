import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { aRow, inserted, snapshotOf, type RowValues } from '../support/records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

async function projected(values: Partial<RowValues>, owner?: Owner) {
  const { context, user } = owner ?? (await world().owner());
  const row = aRow({ agent_context_id: context, user_id: user, ...values });
  await world().project([inserted(row)]);
  const run = await world().run(row.id);
  if (run === undefined) throw new Error('the row was not projected');
  return { row, run };
}

/** A column as Postgres's own text. */
async function textOf(expression: string, legacyId: string): Promise<unknown> {
  const { rows } = await world().pool.query<{ text: string | null }>(
    `SELECT (${expression})::text AS text FROM public.agent_compliance_runs WHERE id = $1`,
    [canonicalRunId(legacyId)],
  );
  return rows[0]?.text;
}

test('every canonical column comes from the legacy row as agreed, and no column is left to chance', async () => {
  const owner = await world().owner('https://agent.example/mcp');
  const { row, run } = await projected(
    { id: '00000000-0000-4000-8000-000000000001', scenario: 'storyboard:media_buy' },
    owner,
  );
  expect(run).toEqual({
    id: '9a7407fd-ab58-5b66-9148-4c1d9f6cf32d',
    agent_url: 'https://agent.example/mcp',
    lifecycle_stage: 'production',
    overall_status: 'passing',
    headline: 'seven of nine',
    total_duration_ms: 1234,
    tested_at: '2026-03-04T05:06:07.123456+00:00',
    tracks_json: [],
    tracks_passed: 7,
    tracks_failed: 2,
    tracks_skipped: 0,
    tracks_partial: 0,
    agent_profile_json: { name: 'agent', version: 1 },
    observations_json: {
      backfill_source: 'agent_test_history',
      backfill_source_id: row.id,
      backfill_script: 'history-cdc',
      original_scenario: 'storyboard:media_buy',
      backfill_user_id: owner.user,
      backfill_org_id: owner.organization,
    },
    triggered_by: 'owner_test',
    dry_run: false,
    triggered_org_id: owner.organization,
    notices_json: null,
    requested_compliance_target: null,
    adcp_version: null,
  });
});

test('the ledger keeps what the decision stands on, and where the event stood', async () => {
  const owner = await world().owner('https://agent.example/mcp');
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
  await world().project([snapshotOf(row)]);
  const entry = await world().ledger(row.id);
  expect(entry).toMatchObject({
    legacy_id: row.id,
    rule_version: 2,
    agent_context_id: owner.context,
    user_id: owner.user,
    organization_id: owner.organization,
    agent_url: owner.url,
    lifecycle_stage: 'production',
    is_member: true,
    lists_agent: true,
    opted_out: false,
    topic_id: '0b6b6f2e-1d5c-4b7e-8a3f-9c2d4e6f8a10',
    partition: 0,
    offset: 1,
    lsn: '0/16E9058',
    op: 'r',
    snapshot: true,
    started_at: '2026-03-04T05:06:07.123456+00:00',
    source_deleted_at: null,
  });
});

test('a failed run is failing', async () => {
  expect((await projected({ overall_passed: false })).run).toMatchObject({ overall_status: 'failing' });
});

test.each([
  [true, true],
  [false, false],
  [null, true],
])('dry_run %s becomes %s', async (dryRun, expected) => {
  expect((await projected({ dry_run: dryRun })).run).toMatchObject({ dry_run: expected });
});

test('what is NULL stays NULL', async () => {
  const { run } = await projected({ total_duration_ms: null, summary: null, agent_profile_json: null });
  expect(run).toMatchObject({ total_duration_ms: null, headline: null, agent_profile_json: null });
});

test('empty text is not NULL, and 0 is not NULL', async () => {
  const { run } = await projected({ summary: '', total_duration_ms: 0, steps_passed: 0 });
  expect(run).toMatchObject({ headline: '', total_duration_ms: 0, tracks_passed: 0 });
});

test('integers reach to the ends of 32 bits', async () => {
  const { run } = await projected({
    total_duration_ms: 2_147_483_647,
    steps_passed: 2_147_483_647,
    steps_failed: -2_147_483_648,
  });
  expect(run).toMatchObject({
    total_duration_ms: 2_147_483_647,
    tracks_passed: 2_147_483_647,
    tracks_failed: -2_147_483_648,
  });
});

test('text keeps quotes, line ends, emoji and backslashes', async () => {
  const summary = `it's "quoted"\n\\u0041 \\ tab\t 🚀 ﷽ {1,2} NULL`;
  expect((await projected({ summary, scenario: summary })).run).toMatchObject({
    headline: summary,
    observations_json: { original_scenario: summary },
  });
});

test.each([
  ['a number with a trailing zero', '{"v": 1.0}'],
  ['an integer beyond 2^53', '{"n": 12345678901234567890}'],
  ['a long fraction', '{"n": 0.1234567890123456789012345}'],
  ['an exponent written out', '{"n": 100000000000000000000000}'],
  ['keys in the order of Postgres', '{"a": 1, "b": 2, "aa": 3}'],
  ['an empty key', '{"": {}}'],
  ['JSON null', 'null'],
  ['a JSON string', '"text"'],
  ['an array', '[1, [2.50, null], "x"]'],
  ['escapes', '{"q": "\\" \\\\ \\n é 🚀"}'],
])('a profile with %s keeps its text to the byte', async (_, profile) => {
  const { row } = await projected({ agent_profile_json: profile });
  expect(await textOf('agent_profile_json', row.id)).toBe(profile);
});

test('JSON null is a profile, SQL NULL is none', async () => {
  const { row: jsonNull } = await projected({ agent_profile_json: 'null' });
  const { row: sqlNull } = await projected({ agent_profile_json: null });
  expect(await textOf('jsonb_typeof(agent_profile_json)', jsonNull.id)).toBe('null');
  expect(await textOf('jsonb_typeof(agent_profile_json)', sqlNull.id)).toBeNull();
});

test.each([
  ['microseconds', '2026-03-04T05:06:07.123456Z', '2026-03-04 05:06:07.123456+00'],
  ['the last microsecond', '2026-12-31T23:59:59.999999Z', '2026-12-31 23:59:59.999999+00'],
  ['no fraction', '2026-03-04T05:06:07Z', '2026-03-04 05:06:07+00'],
  ['another zone', '2026-03-04T05:06:07.5+05:30', '2026-03-03 23:36:07.5+00'],
  ['infinity', 'infinity', 'infinity'],
  ['minus infinity', '-infinity', '-infinity'],
  ['the last year', '+294276-12-31T23:59:59.999999Z', '294276-12-31 23:59:59.999999+00'],
  ['the year 10000', '+10000-01-01T00:00:00Z', '10000-01-01 00:00:00+00'],
  ['a year before Christ', '-0043-03-15T12:00:00.000000Z', '0044-03-15 12:00:00+00 BC'],
  ['the year 1 BC', '0000-02-29T00:00:00Z', '0001-02-29 00:00:00+00 BC'],
  ['the first day that Postgres knows', '-4712-01-01T00:00:00Z', '4713-01-01 00:00:00+00 BC'],
])('%s in started_at arrive as tested_at', async (_, startedAt, expected) => {
  const { row } = await projected({ started_at: startedAt });
  expect(await textOf('tested_at', row.id)).toBe(expected);
});

describe('the content hash', () => {
  async function hashOf(values: Partial<RowValues>): Promise<unknown> {
    const { context, user } = await world().owner();
    const row = aRow({ agent_context_id: context, user_id: user, ...values });
    await world().project([inserted(row)]);
    return (await world().ledger(row.id))?.['content_hash'];
  }

  test('is the same for a NULL dry_run and for true, which the topic cannot tell apart', async () => {
    const owner = await world().owner();
    const same = { agent_context_id: owner.context, user_id: owner.user };
    const asNull = await hashOf({ ...same, dry_run: null });
    expect(await hashOf({ ...same, dry_run: true })).toBe(asNull);
    expect(await hashOf({ ...same, dry_run: false })).not.toBe(asNull);
  });

  test('differs where any column differs, NULL from empty among them', async () => {
    const owner = await world().owner();
    const other = await world().owner();
    const same = { agent_context_id: owner.context, user_id: owner.user };
    const variations: Partial<RowValues>[] = [
      {},
      { agent_context_id: other.context },
      { user_id: other.user },
      { user_id: null },
      { scenario: 'other' },
      { overall_passed: false },
      { steps_passed: 8 },
      { steps_failed: 8 },
      { total_duration_ms: null },
      { total_duration_ms: 0 },
      { summary: null },
      { summary: '' },
      { dry_run: true },
      { agent_profile_json: null },
      { agent_profile_json: 'null' },
      { agent_profile_json: '{"name": "agent", "version": 1.00}' },
      { started_at: '2026-03-04T05:06:07.123457Z' },
      { started_at: 'infinity' },
      { started_at: '-infinity' },
    ];
    const hashes = new Set<unknown>();
    for (const variation of variations) hashes.add(await hashOf({ ...same, ...variation }));
    expect(hashes.size).toBe(variations.length);
  });
});
