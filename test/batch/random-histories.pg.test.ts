import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  actorsIn,
  image,
  messagesOf,
  rowOf,
  step,
  type Actors,
  type Image,
} from '../support/random-history.ts';
import { inserted, updated } from '../support/records.ts';
import type { Row } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

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
