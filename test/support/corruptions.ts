import { randomUUID } from 'node:crypto';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { aRow, snapshotOf, type RowValues } from './records.ts';
import type { Owner } from './tables.ts';
import type { World } from './world.ts';

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
export interface Rows {
  readonly owner: Owner;
  readonly projected: RowValues;
  readonly other: RowValues;
  readonly twin: RowValues;
  readonly adopted: RowValues;
  readonly stranger: RowValues;
  readonly anonymous: RowValues;
}

/** Brings it about through the projector. */
export async function cleanRows(world: World): Promise<Rows> {
  const owner = await world.owner();
  const [twinOwner, adoptedOwner] = [await world.owner(), await world.owner()];
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
  await world.live({ agent_url: twinOwner.url });
  await world.scriptCopy(rows.adopted.id);
  const all = Object.values(rows).filter((row): row is RowValues => 'scenario' in row);
  for (const row of all) await world.legacyRow(row);
  await world.project(all.map(snapshotOf));
  for (const { id } of all) await world.ledger(id);
  return rows;
}

export const RUNS = 'public.agent_compliance_runs';

export interface Corruption {
  readonly kind: string;
  readonly what: string;
  /** Spoils one thing, and gives the ids (legacy ids) to be found under the kind. */
  readonly spoil: (world: World, rows: Rows) => Promise<string[]>;
}

/** A copy of our row for a legacy row under another id, or for another legacy row. */
async function copyOfOurs(world: World, row: RowValues, sourceId: string): Promise<void> {
  await world.execute(
    `INSERT INTO ${RUNS} (id, agent_url, lifecycle_stage, overall_status, tested_at, triggered_by, dry_run, observations_json)
     SELECT gen_random_uuid(), agent_url, lifecycle_stage, overall_status, tested_at, triggered_by, dry_run,
            observations_json || jsonb_build_object('backfill_source_id', $2::text)
     FROM ${RUNS} WHERE id = $1`,
    canonicalRunId(row.id),
    sourceId,
  );
}

/** Links a twin to a copy of its live row that differs in something; the former live row is free. */
async function linkedTo(world: World, { id }: RowValues, difference: string): Promise<string[]> {
  const live = await world.live({ agent_url: 'https://copied.example' });
  await world.execute(
    `UPDATE ${RUNS} r SET (agent_url, headline, total_duration_ms, overall_status, tested_at, agent_profile_json) =
       (SELECT o.agent_url, o.headline, o.total_duration_ms, o.overall_status, o.tested_at, o.agent_profile_json
        FROM ${RUNS} o JOIN history_cdc.ledger l ON l.canonical_run_id = o.id WHERE l.legacy_id = $2)
     WHERE r.id = $1`,
    live,
    id,
  );
  await world.execute(`UPDATE ${RUNS} SET ${difference} WHERE id = $1`, live);
  await world.execute('UPDATE history_cdc.ledger SET canonical_run_id = $2 WHERE legacy_id = $1', id, live);
  return [id];
}

/** Each thing that can be wrong, alone in what it spoils. */
export const CORRUPTIONS: readonly Corruption[] = [
  {
    kind: 'unseen',
    what: 'a legacy row that no event told of',
    spoil: async (world, { owner }) => {
      const row = aRow({ agent_context_id: owner.context, user_id: owner.user, summary: 'never seen' });
      await world.legacyRow(row);
      return [row.id];
    },
  },
  {
    kind: 'missing',
    what: 'a canonical row of ours that is gone',
    spoil: async (world, { other }) => {
      await world.execute(`DELETE FROM ${RUNS} WHERE id = $1`, canonicalRunId(other.id));
      return [other.id];
    },
  },
  {
    kind: 'different',
    what: 'a value that somebody changed',
    spoil: async (world, { projected }) => {
      await world.execute(
        `UPDATE ${RUNS} SET headline = 'changed' WHERE id = $1`,
        canonicalRunId(projected.id),
      );
      return [projected.id];
    },
  },
  {
    kind: 'doubled',
    what: 'a second canonical row of ours',
    spoil: async (world, { projected }) => {
      await copyOfOurs(world, projected, projected.id);
      return [projected.id];
    },
  },
  {
    kind: 'suspected_twin',
    what: 'a live row that no sweep has looked at',
    spoil: async (world, { owner, projected }) => {
      await world.live({ agent_url: owner.url });
      return [projected.id];
    },
  },
  {
    kind: 'elevated',
    what: "a canonical row of ours for a stranger's run",
    spoil: async (world, { projected, stranger }) => {
      await copyOfOurs(world, projected, stranger.id);
      return [stranger.id];
    },
  },
  {
    kind: 'foreign',
    what: 'a row with our mark for a legacy row that there never was',
    spoil: async (world, { projected }) => {
      const nobody = randomUUID();
      await copyOfOurs(world, projected, nobody);
      return [nobody];
    },
  },
  {
    kind: 'dangling',
    what: 'a twin that is linked to a heartbeat',
    spoil: async (world, { twin }) => {
      await world.execute(
        'UPDATE history_cdc.ledger SET canonical_run_id = $2 WHERE legacy_id = $1',
        twin.id,
        'b0000000-0000-4000-8000-000000000002',
      );
      return [twin.id];
    },
  },
  {
    kind: 'mislinked',
    what: 'a twin that is linked to another live row of its agent',
    spoil: async (world, { twin }) => await linkedTo(world, twin, "headline = 'another run'"),
  },
  {
    kind: 'nearer_twin',
    what: 'a twin that is linked to the farther one of two live rows that look the same',
    spoil: async (world, { twin }) =>
      await linkedTo(world, twin, "tested_at = tested_at + interval '30 seconds'"),
  },
  {
    kind: 'vanished',
    what: 'a legacy row that was deleted, and no event told of it',
    spoil: async (world, { anonymous }) => {
      await world.execute('DELETE FROM public.agent_test_history WHERE id = $1', anonymous.id);
      return [anonymous.id];
    },
  },
];

/** What a second mark on a canonical row brings along: it is linked to nothing. */
const BRINGS_ALONG: Readonly<Record<string, readonly string[]>> = {
  doubled: ['foreign'],
  elevated: ['foreign'],
};

/** Spoils, and gives what `reconcile` is to name: `kind legacy-id`. */
export async function spoiled(world: World, rows: Rows, { kind, spoil }: Corruption): Promise<string[]> {
  const ids = await spoil(world, rows);
  return [kind, ...(BRINGS_ALONG[kind] ?? [])].flatMap((one) => ids.map((id) => `${one} ${id}`));
}

/**
 * All at once: the changed headline makes another row of it, so the live row that looks like the old one is no twin. Of what
 * spoils the link of the twin, the first only: a link leads to one row.
 */
export async function allSpoiled(world: World, rows: Rows): Promise<string[]> {
  const named: string[] = [];
  for (const corruption of CORRUPTIONS.filter(({ kind }) => kind !== 'mislinked' && kind !== 'nearer_twin'))
    named.push(...(await spoiled(world, rows, corruption)));
  return named.filter((one) => !one.startsWith('suspected_twin'));
}
