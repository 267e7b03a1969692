import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { aRow, inserted, updated } from '../support/records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const rowOf = (owner: Owner) => aRow({ agent_context_id: owner.context, user_id: owner.user });

/** A context of another organisation, on another agent, that the same user owns too. */
async function anotherAgentOf({ user }: Owner): Promise<Owner> {
  const other = await world().owner();
  await world().member(user, other.organization);
  return { ...other, user };
}

describe('a projected row that is moved', () => {
  test('to an agent that its user owns takes agent, stage, organisation and provenance with it', async () => {
    const first = await world().owner();
    const second = await anotherAgentOf(first);
    await world().registered(second.url, { stage: 'testing' });
    const row = rowOf(first);
    await world().project([inserted(row)]);
    const { changes } = await world().project([updated({ ...row, agent_context_id: second.context })]);
    expect(changes).toEqual({ runsInserted: 0, runsUpdated: 1, runsDeleted: 0, ledgerWritten: 1 });
    expect(await world().run(row.id)).toMatchObject({
      agent_url: second.url,
      lifecycle_stage: 'testing',
      triggered_org_id: second.organization,
      observations_json: { backfill_org_id: second.organization, backfill_source_id: row.id },
    });
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      reason: 'owner',
      agent_url: second.url,
      organization_id: second.organization,
      agent_context_id: second.context,
      lifecycle_stage: 'testing',
    });
  });

  test('between spellings of a URL gets and loses the original beside it', async () => {
    const first = await world().owner('https://agent.example/one');
    const spelled = 'HTTPS://agent.example/two/';
    const second = await anotherAgentOf(first);
    await world().profile(second.organization, [{ url: spelled }]);
    const context = await world().context(second.organization, spelled);
    const row = rowOf(first);
    await world().project([inserted(row), updated({ ...row, agent_context_id: context })]);
    expect(await world().run(row.id)).toMatchObject({
      agent_url: 'https://agent.example/two',
      observations_json: { original_agent_url: spelled },
    });
    await world().project([updated(row)]);
    expect((await world().run(row.id))?.['observations_json']).not.toHaveProperty('original_agent_url');
  });

  test('to an agent that its user does not own stays as it is, and the ledger says so', async () => {
    const first = await world().owner();
    const strange = await world().owner();
    const row = rowOf(first);
    await world().project([inserted(row)]);
    const before = await world().run(row.id);
    const moved = { ...row, agent_context_id: strange.context, summary: 'after the move' };
    const { changes } = await world().project([updated(moved)]);
    expect(changes).toEqual({ runsInserted: 0, runsUpdated: 0, runsDeleted: 0, ledgerWritten: 1 });
    expect(await world().run(row.id)).toEqual(before);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      reason: 'moved_to_agent_not_owned',
      agent_url: first.url,
      agent_context_id: first.context,
      offset: 2,
    });
  });

  test('to a context that is gone stays as it is, and the ledger says so', async () => {
    const first = await world().owner();
    const row = rowOf(first);
    await world().project([inserted(row)]);
    const before = await world().run(row.id);
    await world().project([updated({ ...row, agent_context_id: randomUUID(), summary: 'after' })]);
    expect(await world().run(row.id)).toEqual(before);
    expect(await world().ledger(row.id)).toMatchObject({ reason: 'moved_to_agent_not_owned' });
  });

  test('away and back again ends with the newest image', async () => {
    const first = await world().owner();
    const strange = await world().owner();
    const row = rowOf(first);
    await world().project([
      inserted(row),
      updated({ ...row, agent_context_id: strange.context, summary: 'away' }),
      updated({ ...row, summary: 'back' }),
    ]);
    expect(await world().run(row.id)).toMatchObject({ agent_url: first.url, headline: 'back' });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', reason: 'owner' });
  });

  test('away, changed there, and back with a value left out: the value is the one of the table, not ours', async () => {
    const first = await world().owner();
    const strange = await world().owner();
    const row = rowOf(first);
    const changed = { ...row, summary: 'changed while away', agent_profile_json: '{"changed": true}' };
    await world().legacyRow(changed);
    await world().project([
      inserted(row),
      updated({ ...changed, agent_context_id: strange.context }),
      updated(changed, 'summary', 'agent_profile_json'),
    ]);
    expect(await world().run(row.id)).toMatchObject({
      headline: 'changed while away',
      agent_profile_json: { changed: true },
    });
    const hash = (await world().ledger(row.id))?.['content_hash'];
    await world().project([updated(changed)]);
    expect((await world().ledger(row.id))?.['content_hash']).toEqual(hash);
  });

  test('away with its user, and back with the user left out: the user is the one of the table', async () => {
    const first = await world().owner();
    const strange = await world().owner();
    const row = rowOf(first);
    const theirs = { ...row, user_id: strange.user };
    await world().legacyRow(theirs);
    await world().project([inserted(row), updated(theirs), updated(theirs, 'user_id')]);
    expect(await world().ledger(row.id)).toMatchObject({ reason: 'moved_to_agent_not_owned' });
    expect(await world().run(row.id)).toMatchObject({ headline: row.summary });
  });

  test('to another user who owns the agent as well follows that user', async () => {
    const first = await world().owner();
    await world().member('user_colleague', first.organization);
    const row = rowOf(first);
    await world().project([inserted(row), updated({ ...row, user_id: 'user_colleague' })]);
    expect(await world().run(row.id)).toMatchObject({
      observations_json: { backfill_user_id: 'user_colleague' },
    });
    expect(await world().ledger(row.id)).toMatchObject({ user_id: 'user_colleague', reason: 'owner' });
  });

  test.each([
    ['a stranger', 'user_stranger'],
    ['nobody', null],
    ['a blank that is a member', ' '],
  ])('to %s as its user stays as it is: an owner decision is never taken back', async (_, user) => {
    const first = await world().owner();
    if (user === ' ') await world().member(user, first.organization);
    const row = rowOf(first);
    await world().project([inserted(row)]);
    const before = await world().run(row.id);
    await world().project([updated({ ...row, user_id: user })]);
    expect(await world().run(row.id)).toEqual(before);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      reason: 'moved_to_agent_not_owned',
      user_id: first.user,
    });
  });

  test('not at all, while the user lost the agent since, still takes the newest image', async () => {
    const first = await world().owner();
    const row = rowOf(first);
    await world().project([inserted(row)]);
    await world().execute(
      'DELETE FROM public.organization_memberships WHERE workos_user_id = $1',
      first.user,
    );
    await world().project([updated({ ...row, summary: 'newest' })]);
    expect(await world().run(row.id)).toMatchObject({ headline: 'newest' });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', reason: 'owner' });
  });
});

describe('a row without a canonical row is decided anew by its next event:', () => {
  test('a third party’s row that is moved to an agent its user owns is projected', async () => {
    const owner = await world().owner();
    const strange = await world().owner();
    const row = rowOf(owner);
    const { decisions } = await world().project([
      inserted({ ...row, agent_context_id: strange.context }),
      updated(row),
    ]);
    expect(decisions).toEqual({ third_party: 1, projected: 1 });
    expect(await world().run(row.id)).toMatchObject({ agent_url: owner.url });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', is_member: true });
  });

  test('an orphaned row that is merged to a living context is projected', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    const { decisions } = await world().project([
      inserted({ ...row, agent_context_id: randomUUID() }),
      updated(row),
    ]);
    expect(decisions).toEqual({ orphaned: 1, projected: 1 });
    expect(await world().run(row.id)).toMatchObject({ agent_url: owner.url });
  });

  test('an anonymous row that gets a user is projected, and an opted-out one when the opt-out ends', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().registered(owner.url, { optedOut: true });
    await world().project([inserted({ ...row, user_id: null }), updated(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'opted_out' });
    await world().execute('UPDATE public.agent_registry_metadata SET compliance_opt_out = false');
    await world().project([updated({ ...row, summary: 'after' })]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    expect(await world().run(row.id)).toMatchObject({ headline: 'after' });
  });

  test('a third party’s row that changes in place stays a third party’s, with the new hash', async () => {
    const strange = await world().owner();
    const row = aRow({ agent_context_id: strange.context, user_id: 'user_stranger' });
    await world().project([inserted(row)]);
    const hash = (await world().ledger(row.id))?.['content_hash'];
    await world().project([updated({ ...row, summary: 'changed' })]);
    const entry = await world().ledger(row.id);
    expect(entry).toMatchObject({ decision: 'third_party', offset: 2 });
    expect(entry?.['content_hash']).not.toEqual(hash);
  });
});
