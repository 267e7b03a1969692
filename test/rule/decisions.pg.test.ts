import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { aRow, inserted, snapshotOf } from '../support/records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const URL = 'https://agent.example/mcp';
const ways = [
  { way: 'snapshot row', message: snapshotOf },
  { way: 'streamed row', message: inserted },
] as const;

type Who = Pick<Owner, 'context'> & { readonly user: string | null };

async function decisionOn(who: Who, { message }: (typeof ways)[number], id: string = randomUUID()) {
  const row = aRow({ id, agent_context_id: who.context, user_id: who.user });
  await world().project([message(row)]);
  return { entry: await world().ledger(row.id), run: await world().run(row.id) };
}

async function runById(id: string): Promise<unknown> {
  const { rows } = await world().pool.query('SELECT * FROM public.agent_compliance_runs WHERE id = $1', [id]);
  return rows[0];
}

const optedOut = { decision: 'opted_out', reason: 'compliance_opt_out', canonical_run_id: null };
const projected = { decision: 'projected', reason: 'owner' };

describe.each(ways)('an owner’s $way on an agent', (way) => {
  test.each([
    ['under the same spelling', URL],
    ['under another spelling', ' HTTPS://AGENT.EXAMPLE/mcp/ '],
  ])('that opted out %s is opted out', async (_, spelling) => {
    const owner = await world().owner(URL);
    await world().registered(spelling, { optedOut: true });
    const { entry, run } = await decisionOn(owner, way);
    expect(entry).toMatchObject({ ...optedOut, opted_out: true });
    expect(run).toBeUndefined();
  });

  test('that opted out is projected under the policy `project`, and the ledger still says that it opted out', async () => {
    world().policy = 'project';
    const owner = await world().owner(URL);
    await world().registered(URL, { optedOut: true });
    const { entry, run } = await decisionOn(owner, way);
    expect(entry).toMatchObject({ ...projected, opted_out: true });
    expect(run).toMatchObject({ agent_url: URL });
  });

  test('that opted out in one of two spellings is opted out', async () => {
    const owner = await world().owner(URL);
    await world().registered(URL, { optedOut: false });
    await world().registered(`${URL}/`, { optedOut: true });
    expect((await decisionOn(owner, way)).entry).toMatchObject(optedOut);
  });

  test.each([
    ['false', false],
    ['NULL', null],
  ])('whose opt-out is %s is projected', async (_, optOut) => {
    const owner = await world().owner(URL);
    await world().registered(URL, { optedOut: optOut });
    expect((await decisionOn(owner, way)).entry).toMatchObject({ ...projected, opted_out: false });
  });

  test('is projected when another agent opted out', async () => {
    const owner = await world().owner(URL);
    await world().registered(`${URL}/other`, { optedOut: true });
    expect((await decisionOn(owner, way)).entry).toMatchObject(projected);
  });

  test.each([
    ['the registry’s', [[URL, 'testing']], 'testing'],
    ['the registry’s, under another spelling', [[`${URL.toUpperCase()}//`, 'deprecated']], 'deprecated'],
    [
      'that of the canonical spelling, of two',
      [
        [`${URL}/`, 'testing'],
        [URL, 'development'],
      ],
      'development',
    ],
    ['production where the registry has NULL', [[URL, null]], 'production'],
    ['production where the registry has nothing', [], 'production'],
    ['production where the registry has another agent', [['https://other.example', 'testing']], 'production'],
  ] as const)('has as lifecycle stage %s', async (_, registry, stage) => {
    const owner = await world().owner(URL);
    for (const [url, registeredStage] of registry) await world().registered(url, { stage: registeredStage });
    const { entry, run } = await decisionOn(owner, way);
    expect(entry).toMatchObject({ ...projected, lifecycle_stage: stage });
    expect(run).toMatchObject({ lifecycle_stage: stage });
  });
});

describe.each(ways)('a $way whose context is gone', (way) => {
  test('is orphaned', async () => {
    const { entry, run } = await decisionOn({ context: randomUUID(), user: 'user_of_nothing' }, way);
    expect(entry).toMatchObject({
      decision: 'orphaned',
      reason: 'context_missing',
      agent_url: null,
      is_member: null,
      lists_agent: null,
    });
    expect(run).toBeUndefined();
  });

  test('is anonymous without a user: the row alone decides that', async () => {
    const { entry } = await decisionOn({ context: randomUUID(), user: ' ' }, way);
    expect(entry).toMatchObject({ decision: 'anonymous' });
  });

  test('is adopted where the script copied it: the copy is the proof', async () => {
    const id = randomUUID();
    const copy = await world().scriptCopy(id);
    const { entry } = await decisionOn({ context: randomUUID(), user: 'user_of_nothing' }, way, id);
    expect(entry).toMatchObject({ decision: 'adopted', canonical_run_id: copy });
  });
});

describe.each(ways)('a $way that the earlier script copied', (way) => {
  const first = '10000000-0000-4000-8000-000000000000';
  const second = '20000000-0000-4000-8000-000000000000';

  test('is adopted when its user is an owner: linked, and no second row is written', async () => {
    const id = randomUUID();
    const copy = await world().scriptCopy(id);
    const { entry, run } = await decisionOn(await world().owner(), way, id);
    expect(entry).toMatchObject({ decision: 'adopted', reason: 'script_copy', canonical_run_id: copy });
    expect(run).toMatchObject({ id: copy, headline: 'copied by the script' });
  });

  test('twice is adopted with the first copy by id, and the reason names the other', async () => {
    const id = randomUUID();
    await world().scriptCopy(id, second);
    await world().scriptCopy(id, first);
    const { entry } = await decisionOn(await world().owner(), way, id);
    expect(entry).toMatchObject({
      decision: 'adopted',
      reason: 'script_copy,script_copied_twice',
      canonical_run_id: first,
    });
    expect(await runById(second)).toBeDefined();
  });

  test('of a stranger stays a third party’s: the copy is named as wrongly elevated, and stays untouched', async () => {
    const id = randomUUID();
    const copy = await world().scriptCopy(id);
    const { context } = await world().owner();
    const { entry, run } = await decisionOn({ context, user: 'user_stranger' }, way, id);
    expect(entry).toMatchObject({
      decision: 'third_party',
      reason: 'not_a_member,script_copy_elevated',
      canonical_run_id: null,
    });
    expect(run).toBeUndefined();
    expect(await runById(copy)).toMatchObject({ headline: 'copied by the script' });
  });

  test('without a user is anonymous, whatever the script made of it', async () => {
    const id = randomUUID();
    await world().scriptCopy(id);
    const { context } = await world().owner();
    expect((await decisionOn({ context, user: '' }, way, id)).entry).toMatchObject({
      decision: 'anonymous',
      canonical_run_id: null,
    });
  });

  test('is adopted though the agent opted out: what was recorded was recorded', async () => {
    const id = randomUUID();
    const owner = await world().owner(URL);
    await world().registered(URL, { optedOut: true });
    const copy = await world().scriptCopy(id);
    expect((await decisionOn(owner, way, id)).entry).toMatchObject({
      decision: 'adopted',
      canonical_run_id: copy,
    });
  });

  test('in capitals is adopted', async () => {
    const id = randomUUID();
    const copy = await world().scriptCopy(id.toUpperCase());
    expect((await decisionOn(await world().owner(), way, id)).entry).toMatchObject({
      decision: 'adopted',
      canonical_run_id: copy,
    });
  });

  test.each([
    ['no UUID', 'garbage'],
    ['a UUID and more', '10000000-0000-4000-8000-000000000000x'],
    ['empty', ''],
  ])('under an id that is %s is projected like any other', async (_, copiedId) => {
    await world().scriptCopy(copiedId);
    expect((await decisionOn(await world().owner(), way)).entry).toMatchObject(projected);
  });

  test('is projected when the copy is gone', async () => {
    const id = randomUUID();
    const copy = await world().scriptCopy(id);
    await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', copy);
    expect((await decisionOn(await world().owner(), way, id)).entry).toMatchObject(projected);
  });
});

describe.each(ways)('a $way of a stranger', (way) => {
  test('on an agent that opted out is a third party’s', async () => {
    const { context } = await world().owner(URL);
    await world().registered(URL, { optedOut: true });
    const { entry } = await decisionOn({ context, user: 'user_stranger' }, way);
    expect(entry).toMatchObject({ decision: 'third_party', reason: 'not_a_member' });
  });
});
