import { describe, expect, test } from 'vitest';
import { deleted, DELETED_AT, inserted, rawRecord, updated, type RowValues } from '../support/records.ts';
import { retried, theOnlyRecord } from '../support/retried.ts';
import type { Owner, Row } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';
import { NOBODY_OWNS_ANYTHING, runOf, takenBack } from './taken-back.ts';

const world = useWorld();

async function projected(...messages: Parameters<ReturnType<typeof world>['project']>[0]): Promise<void> {
  await world().project(messages);
  for (const { id } of messages) if (id !== null) await world().ledger(id);
}

/** Canonical rows of an agent, whosever they are. */
const runsOn = async ({ url }: Owner) =>
  (
    await world().pool.query<{ id: string }>(
      'SELECT id FROM public.agent_compliance_runs WHERE agent_url = $1 ORDER BY id',
      [url],
    )
  ).rows.map(({ id }) => id);

describe('the next event of a row restores it, without a replay, and then does what it does:', () => {
  async function gone(): Promise<{ row: RowValues; recorded: Row; run: Row }> {
    const owner = await world().owner();
    await world().registered(owner.url, { stage: 'testing' });
    const row = runOf(owner);
    await projected(inserted(row));
    const [recorded, run] = [(await world().ledger(row.id)) ?? {}, (await world().run(row.id)) ?? {}];
    await takenBack(world().pool);
    await world().pool.query(NOBODY_OWNS_ANYTHING);
    return { row, recorded, run };
  }

  test('a later image goes into the canonical row', async () => {
    const { row, recorded, run } = await gone();
    expect(await world().project([updated({ ...row, summary: 'newest', steps_failed: 0 })])).toMatchObject({
      records: { applied: 1 },
      decisions: { projected: 1 },
    });
    const hashes = {
      content_hash: expect.any(String) as unknown,
      fingerprint: expect.any(String) as unknown,
    };
    expect(await world().ledger(row.id)).toEqual({ ...recorded, ...hashes, offset: 2, op: 'u' });
    expect(await world().run(row.id)).toEqual({ ...run, headline: 'newest', tracks_failed: 0 });
  });

  test('one that left values out takes them from the canonical row that came back', async () => {
    const { row, run } = await gone();
    await world().project([
      updated({ ...row, steps_failed: 0 }, 'summary', 'agent_profile_json', 'steps_json'),
    ]);
    expect(await world().run(row.id)).toEqual({ ...run, tracks_failed: 0 });
  });

  test('a move to an agent that its user does not own leaves it as it was', async () => {
    const { row, run } = await gone();
    const stranger = await world().owner();
    await world().project([updated({ ...row, agent_context_id: stranger.context, summary: 'elsewhere' })]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      reason: 'moved_to_agent_not_owned',
      lifecycle_stage: 'testing',
    });
    expect(await world().run(row.id)).toEqual(run);
  });

  test('a delete keeps the canonical row', async () => {
    const { row, run } = await gone();
    await world().project([deleted(row.id)]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      source_deleted_at: DELETED_AT,
    });
    expect(await world().run(row.id)).toEqual(run);
  });

  test('a record that cannot be read is parked, and takes nothing away', async () => {
    const { row, recorded, run } = await gone();
    await world().project([rawRecord(row.id, { op: 'u' })]);
    expect(await world().ledger(row.id)).toEqual(recorded);
    expect(await world().run(row.id)).toEqual(run);
    expect(await theOnlyRecord(world())).toMatchObject({ legacy_id: row.id, healed_at: null });
  });

  test('several of one batch, in their order', async () => {
    const { row, run } = await gone();
    await world().project([
      updated({ ...row, summary: 'one' }),
      updated({ ...row, summary: 'two' }),
      deleted(row.id),
    ]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      source_deleted_at: DELETED_AT,
    });
    expect(await world().run(row.id)).toEqual({ ...run, headline: 'two' });
  });

  test('an image that looks like a live row by now gives way to it', async () => {
    const owner = await world().owner();
    const row = runOf(owner, { summary: 'another' });
    await projected(inserted(row));
    await takenBack(world().pool);
    const live = await world().live({ agent_url: owner.url });
    await world().project([updated({ ...row, summary: 'seven of nine' })]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
    expect(await runsOn(owner)).toEqual([live]);
  });
});

test('a retry of what is parked of a row finds its place: the delete behind it has the last word', async () => {
  const owner = await world().owner();
  const row = runOf(owner);
  // Its values are gone from everywhere for now.
  await projected(inserted(row), rawRecord(row.id, { op: 'u' }), deleted(row.id));
  const { id } = await theOnlyRecord(world());
  const readable = updated({ ...row, summary: 'newest' });
  await world().execute(
    'UPDATE history_cdc.quarantine SET record_value = $2 WHERE id = $1',
    id,
    readable.value,
  );
  const run = await world().run(row.id);
  await takenBack(world().pool);
  expect(await retried(world().pool)).toMatchObject([{ outcome: 'decided', decision: 'projected' }]);
  expect(await world().run(row.id)).toEqual({ ...run, headline: 'newest' });
  expect(await world().ledger(row.id)).toMatchObject({ source_deleted_at: DELETED_AT, offset: 3, op: 'd' });
});
