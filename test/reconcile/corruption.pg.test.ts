import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/canonical-run-id.ts';
import { aRow, snapshotOf, type RowValues } from '../support/records.ts';
import { ONLY_KNOWN_ROWS, reconciled } from '../support/reconciled.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
});

const STORYBOARDS = JSON.stringify({
  tracks: [
    {
      scenarios: [
        { scenario: 'media/one', steps: [{ passed: true }, { passed: false }] },
        { scenario: 'odd' },
      ],
    },
    {
      scenarios: [
        { scenario: 'media/two', overall_passed: true },
        { scenario: 'signals/one', passed: false },
      ],
    },
    'no track',
  ],
});

/** One row of each decision, as it is when all went well. */
interface Rows {
  readonly owner: Owner;
  readonly projected: RowValues;
  readonly other: RowValues;
  readonly twin: RowValues;
  readonly adopted: RowValues;
  readonly stranger: RowValues;
  readonly anonymous: RowValues;
}

async function cleanWorld(): Promise<Rows> {
  const owner = await world().owner();
  const [twinOwner, adoptedOwner] = [await world().owner(), await world().owner()];
  const of = ({ context, user }: Owner, values: Partial<RowValues> = {}) =>
    aRow({ agent_context_id: context, user_id: user, ...values });
  const rows: Rows = {
    owner,
    projected: of(owner, { steps_json: STORYBOARDS }),
    other: of(owner, {
      summary: 'another',
      started_at: '2025-03-04T05:06:07Z',
      dry_run: null,
      steps_json: null,
    }),
    twin: of(twinOwner),
    adopted: of(adoptedOwner),
    stranger: of(owner, { user_id: 'stranger' }),
    anonymous: of(owner, { user_id: null }),
  };
  await world().live({ agent_url: twinOwner.url });
  await world().scriptCopy(rows.adopted.id);
  const all = Object.values(rows).filter((row): row is RowValues => 'scenario' in row);
  for (const row of all) await world().legacyRow(row);
  await world().project(all.map(snapshotOf));
  for (const { id } of all) await world().ledger(id);
  return rows;
}

const RUNS = 'public.agent_compliance_runs';

interface Corruption {
  readonly kind: string;
  readonly what: string;
  /** Spoils one thing, and gives the ids (legacy ids) to be found under the kind. */
  readonly spoil: (rows: Rows) => Promise<string[]>;
}

/** A copy of our row for a legacy row under another id, or for another legacy row. */
async function copyOfOurs(row: RowValues, sourceId: string): Promise<void> {
  await world().execute(
    `INSERT INTO ${RUNS} (id, agent_url, lifecycle_stage, overall_status, tested_at, triggered_by, dry_run, observations_json)
     SELECT gen_random_uuid(), agent_url, lifecycle_stage, overall_status, tested_at, triggered_by, dry_run,
            observations_json || jsonb_build_object('backfill_source_id', $2::text)
     FROM ${RUNS} WHERE id = $1`,
    canonicalRunId(row.id),
    sourceId,
  );
}

const CORRUPTIONS: readonly Corruption[] = [
  {
    kind: 'unseen',
    what: 'a legacy row that no event told of',
    spoil: async ({ owner }) => {
      const row = aRow({ agent_context_id: owner.context, user_id: owner.user, summary: 'never seen' });
      await world().legacyRow(row);
      return [row.id];
    },
  },
  {
    kind: 'missing',
    what: 'a canonical row of ours that is gone',
    spoil: async ({ other }) => {
      await world().execute(`DELETE FROM ${RUNS} WHERE id = $1`, canonicalRunId(other.id));
      return [other.id];
    },
  },
  {
    kind: 'different',
    what: 'a value that somebody changed',
    spoil: async ({ projected }) => {
      await world().execute(
        `UPDATE ${RUNS} SET headline = 'changed' WHERE id = $1`,
        canonicalRunId(projected.id),
      );
      return [projected.id];
    },
  },
  {
    kind: 'doubled',
    what: 'a second canonical row of ours',
    spoil: async ({ projected }) => {
      await copyOfOurs(projected, projected.id);
      return [projected.id];
    },
  },
  {
    kind: 'suspected_twin',
    what: 'a live row that no sweep has looked at',
    spoil: async ({ owner, projected }) => {
      await world().live({ agent_url: owner.url });
      return [projected.id];
    },
  },
  {
    kind: 'elevated',
    what: "a canonical row of ours for a stranger's run",
    spoil: async ({ projected, stranger }) => {
      await copyOfOurs(projected, stranger.id);
      return [stranger.id];
    },
  },
  {
    kind: 'foreign',
    what: 'a row with our mark for a legacy row that there never was',
    spoil: async ({ projected }) => {
      const nobody = randomUUID();
      await copyOfOurs(projected, nobody);
      return [nobody];
    },
  },
  {
    kind: 'dangling',
    what: 'a twin that is linked to a heartbeat',
    spoil: async ({ twin }) => {
      await world().execute(
        'UPDATE history_cdc.ledger SET canonical_run_id = $2 WHERE legacy_id = $1',
        twin.id,
        'b0000000-0000-4000-8000-000000000002',
      );
      return [twin.id];
    },
  },
  {
    kind: 'vanished',
    what: 'a legacy row that was deleted, and no event told of it',
    spoil: async ({ anonymous }) => {
      await world().execute('DELETE FROM public.agent_test_history WHERE id = $1', anonymous.id);
      return [anonymous.id];
    },
  },
];

/** What a second mark on a canonical row brings along: it is linked to nothing. */
const BRINGS_ALONG: Readonly<Record<string, readonly string[]>> = {
  doubled: ['foreign'],
  elevated: ['foreign'],
};

describe('reconcile', () => {
  test('finds nothing where nothing is wrong, and says so', async () => {
    await cleanWorld();
    const { run, named } = await reconciled(world().pool);
    expect(named).toEqual([]);
    expect(run).toMatchObject({
      verdict: 'proven',
      legacy_rows: '6',
      ledger_rows: '7',
      canonical_rows: '8',
      decisions: { projected: 3, twin: 1, adopted: 1, third_party: 1, anonymous: 1 },
    });
  });

  test.each(CORRUPTIONS)('finds $what as $kind, with its id, and nothing else', async ({ kind, spoil }) => {
    const ids = await spoil(await cleanWorld());
    const { run, named } = await reconciled(world().pool);
    const kinds = [kind, ...(BRINGS_ALONG[kind] ?? [])];
    expect(named).toEqual(kinds.flatMap((one) => ids.map((id) => `${one} ${id}`)).sort());
    expect(run.verdict).toBe('wrong');
  });

  test('finds all of them at once', async () => {
    const rows = await cleanWorld();
    const expected: string[] = [];
    for (const { kind, spoil } of CORRUPTIONS) {
      const ids = await spoil(rows);
      expected.push(
        ...[kind, ...(BRINGS_ALONG[kind] ?? [])].flatMap((one) => ids.map((id) => `${one} ${id}`)),
      );
    }
    // The changed headline has made another row of it: the live row that looks like the old one is a twin no more.
    const seen = (await reconciled(world().pool)).named;
    expect(seen).toEqual(expected.filter((one) => !one.startsWith('suspected_twin')).sort());
  });
});

describe('a difference', () => {
  test.each([
    ['agent_url', "agent_url = 'https://other.example'", 'agent_url'],
    ['lifecycle_stage', "lifecycle_stage = 'testing'", 'lifecycle_stage'],
    ['overall_status', "overall_status = 'failing'", 'overall_status'],
    ['headline', 'headline = NULL', 'headline'],
    ['total_duration_ms', 'total_duration_ms = 1235', 'total_duration_ms'],
    ['tested_at', "tested_at = tested_at + interval '1 microsecond'", 'tested_at'],
    ['tracks_json', "tracks_json = '[1]'", 'tracks_json'],
    ['tracks_passed', 'tracks_passed = 8', 'tracks_passed'],
    ['tracks_failed', 'tracks_failed = 8', 'tracks_failed'],
    ['tracks_skipped', 'tracks_skipped = 1', 'tracks_skipped'],
    ['tracks_partial', 'tracks_partial = 1', 'tracks_partial'],
    ['agent_profile_json', 'agent_profile_json = NULL', 'agent_profile_json'],
    ['triggered_by', "triggered_by = 'manual'", 'triggered_by'],
    ['dry_run', 'dry_run = true', 'dry_run'],
    ['triggered_org_id', 'triggered_org_id = NULL', 'triggered_org_id'],
    [
      'scenario',
      `observations_json = observations_json || '{"original_scenario": "x"}'`,
      'observations_json',
    ],
    ['user', `observations_json = observations_json - 'backfill_user_id'`, 'observations_json'],
    ['storyboards', `observations_json = observations_json - 'storyboards'`, 'storyboards'],
  ])('in %s is found by its name', async (_, change, field) => {
    const { projected } = await cleanWorld();
    await world().execute(`UPDATE ${RUNS} SET ${change} WHERE id = $1`, canonicalRunId(projected.id));
    const { findings } = await reconciled(world().pool);
    expect(findings).toMatchObject([{ kind: 'different', legacy_id: projected.id, fields: [field] }]);
  });

  test('of a row without a canonical row is found, too: the ledger missed a change', async () => {
    const { owner, stranger } = await cleanWorld();
    await world().execute(
      'UPDATE public.agent_test_history SET user_id = $2 WHERE id = $1',
      stranger.id,
      owner.user,
    );
    const { findings } = await reconciled(world().pool);
    expect(findings).toMatchObject([{ kind: 'different', legacy_id: stranger.id, fields: ['user_id'] }]);
  });
});
