import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  aRow,
  deleted,
  incrementalSnapshotOf,
  inserted,
  rawRecord,
  tombstone,
  updated,
} from '../support/records.ts';
import type { Message, RowValues } from '../support/records.ts';
import type { Row } from '../support/tables.ts';
import { useWorld, type World } from '../support/world.ts';

const world = useWorld();

const CONTEXTS = ['owned', 'also owned', 'of a stranger', 'gone'] as const;
const USERS = ['owner', 'stranger', null] as const;
const TEXT_COLUMNS = ['summary', 'scenario', 'agent_profile_json', 'user_id', 'steps_json'] as const;

/** A state of a legacy row. */
const image = fc.record({
  context: fc.constantFrom(...CONTEXTS),
  user: fc.constantFrom(...USERS),
  summary: fc.option(fc.constantFrom('one', 'two', '')),
  storyboard: fc.option(fc.constantFrom('passing', 'failing')),
  profile: fc.option(fc.constantFrom('{"n": 1.0}', '{"n": 2.0}', 'null')),
  passed: fc.boolean(),
  steps: fc.nat(9),
});
type Image = typeof image extends fc.Arbitrary<infer T> ? T : never;

/** Something that happens to one of three rows. */
const step = fc.record({
  key: fc.nat(2),
  what: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('update' as const),
        image,
        leftOut: fc.subarray([...TEXT_COLUMNS]),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('insert' as const), image }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('read again' as const), image }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('garbage' as const) }) },
  ),
});
type What = (typeof step extends fc.Arbitrary<infer T> ? T : never)['what'];

interface Actors {
  readonly contexts: Readonly<Record<(typeof CONTEXTS)[number], string>>;
  readonly users: Readonly<Record<'owner' | 'stranger', string>>;
  readonly urls: Readonly<Partial<Record<(typeof CONTEXTS)[number], string>>>;
}

async function actorsIn(tables: World): Promise<Actors> {
  const owner = await tables.owner();
  const second = await tables.owner();
  const stranger = await tables.owner();
  await tables.member(owner.user, second.organization);
  return {
    contexts: {
      owned: owner.context,
      'also owned': second.context,
      'of a stranger': stranger.context,
      gone: randomUUID(),
    },
    users: { owner: owner.user, stranger: 'user_stranger' },
    urls: { owned: owner.url, 'also owned': second.url },
  };
}

function rowOf(id: string, { context, user, ...values }: Image, { contexts, users }: Actors): RowValues {
  return aRow({
    id,
    agent_context_id: contexts[context],
    user_id: user === null ? null : users[user],
    summary: values.summary,
    agent_profile_json: values.profile,
    steps_json: JSON.stringify([
      values.storyboard === null ? { step: 1 } : { scenario: 'a/1', passed: values.storyboard === 'passing' },
    ]),
    overall_passed: values.passed,
    steps_passed: values.steps,
  });
}

function messagesOf(id: string, what: What, actors: Actors): Message[] {
  switch (what.kind) {
    case 'insert':
      return [inserted(rowOf(id, what.image, actors))];
    case 'update':
      return [updated(rowOf(id, what.image, actors), ...what.leftOut)];
    case 'read again':
      return [incrementalSnapshotOf(rowOf(id, what.image, actors))];
    case 'delete':
      return [deleted(id), tombstone(id)];
    case 'garbage':
      return [rawRecord(id, { op: 'u' })];
  }
}

const isOwned = ({ context, user }: Image) =>
  (context === 'owned' || context === 'also owned') && user === 'owner';

/** What must hold of a row once its last event is a complete image, whatever happened to it before. */
async function expectSettled(
  id: string,
  last: Image,
  { actors, before }: { actors: Actors; before: Row | undefined },
) {
  const entry = await world().ledger(id);
  const run = await world().run(id);
  if (isOwned(last)) {
    expect(entry).toMatchObject({ decision: 'projected', reason: 'owner' });
    expect(run).toMatchObject({
      agent_url: actors.urls[last.context],
      headline: last.summary,
      agent_profile_json: last.profile === null ? null : (JSON.parse(last.profile) as unknown),
      overall_status: last.passed ? 'passing' : 'failing',
      tracks_passed: last.steps,
      observations_json: { original_scenario: 'quality_evaluation', backfill_user_id: actors.users.owner },
    });
    const storyboards = (run?.['observations_json'] as { storyboards?: unknown }).storyboards;
    if (last.storyboard === null) expect(storyboards).toBeUndefined();
    else expect(storyboards).toMatchObject([{ storyboard_id: 'a', status: last.storyboard }]);
  } else if (before === undefined) {
    const decision = last.user === null ? 'anonymous' : last.context === 'gone' ? 'orphaned' : 'third_party';
    expect(entry).toMatchObject({ decision, canonical_run_id: null });
    expect(run).toBeUndefined();
  } else {
    expect(entry).toMatchObject({ decision: 'projected', reason: 'moved_to_agent_not_owned' });
    expect(run).toEqual(before);
  }
  expect(
    (await world().quarantined()).filter((row) => row['legacy_id'] === id && row['healed_at'] === null),
  ).toEqual([]);
  return entry?.['content_hash'];
}

test('after any history, a complete image settles its row: agent, values, hash, decision and quarantine', async () => {
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 3, maxLength: 12 }),
    fc.tuple(image, image, image),
    async (steps, last) => {
      await world().reset();
      const actors = await actorsIn(world());
      const ids = last.map(() => randomUUID());
      const history = steps.flatMap(({ key, what }) => messagesOf(ids[key] ?? '', what, actors));
      // What events leave out is read from the table as it is at the end, as it would be.
      const rows = last.map((state, key) => rowOf(ids[key] ?? '', state, actors));
      for (const [key, row] of rows.entries())
        if (last[key]?.context !== 'gone') await world().legacyRow(row);
      await world().project(history);
      const before = await Promise.all(ids.map((id) => world().run(id)));
      const controls = rows.map((row) => ({ ...row, id: randomUUID() }));
      await world().project([...rows.map((row) => updated(row)), ...controls.map(inserted)]);
      for (const [key, state] of last.entries()) {
        const hash = await expectSettled(ids[key] ?? '', state, { actors, before: before[key] });
        expect(hash).toEqual((await world().ledger(controls[key]?.id ?? ''))?.['content_hash']);
      }
    },
  );
  await fc.assert(property, { numRuns: 15, seed: 20_260_501 });
});
