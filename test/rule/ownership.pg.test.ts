import { describe, expect, test } from 'vitest';
import { aRow, inserted, snapshotOf } from '../support/records.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const URL = 'https://agent.example/mcp';
/** Every row comes once as the snapshot brings it and once as the stream does. */
const ways = [
  { way: 'snapshot row', message: snapshotOf },
  { way: 'streamed row', message: inserted },
] as const;

/** A member of an organisation whose profile has these `agents`, on a context of that organisation. */
async function memberOf(agents: unknown, contextUrl = URL) {
  const [organization, user] = ['org_of_table', 'user_of_table'];
  await world().profile(organization, agents);
  await world().member(user, organization);
  return { organization, user, context: await world().context(organization, contextUrl) };
}

async function decisionOn(who: { user: string | null; context: string }, way: (typeof ways)[number]) {
  const row = aRow({ agent_context_id: who.context, user_id: who.user });
  await world().project([way.message(row)]);
  return { entry: await world().ledger(row.id), run: await world().run(row.id) };
}

const owned = { decision: 'projected', reason: 'owner', is_member: true, lists_agent: true };
const notListed = {
  decision: 'third_party',
  reason: 'agent_not_listed',
  is_member: true,
  lists_agent: false,
  canonical_run_id: null,
};

describe.each(ways)('a $way of a member', (way) => {
  test.each([
    ['as the context spells it', URL],
    ['in capitals', 'HTTPS://AGENT.EXAMPLE/MCP'],
    ['with blanks around it', '  https://agent.example/mcp '],
    ['with a trailing slash', 'https://agent.example/mcp/'],
    ['with several trailing slashes', 'https://agent.example/mcp///'],
    ['with tabs and line ends around it', '\t\r\nhttps://agent.example/mcp\t\n'],
    ['with non-breaking spaces around it', '\u00a0https://agent.example/mcp\u00a0'],
    ['with ideographic spaces around it', '\u3000https://agent.example/mcp\u3000'],
    ['with a byte order mark in front', '\ufeffhttps://agent.example/mcp'],
    ['with all of it', '\u2028 HTTPS://Agent.Example/mcp// \u2029'],
  ])('whose profile lists the agent %s is an owner’s', async (_, url) => {
    const { entry, run } = await decisionOn(await memberOf([{ url }]), way);
    expect(entry).toMatchObject({ ...owned, agent_url: URL });
    expect(run).toMatchObject({ agent_url: URL });
  });

  test.each([
    ['another path', 'https://agent.example/mcp/x'],
    ['another scheme', 'http://agent.example/mcp'],
    ['a query', 'https://agent.example/mcp?'],
    ['a blank before the last slash', 'https://agent.example/mcp /'],
    ['a blank in the middle', 'https://agent.example/ mcp'],
    ['a non-breaking space in the middle', 'https://agent.example\u00a0/mcp'],
    ['a wildcard', 'https://agent.example/*'],
    ['a control character at the end', 'https://agent.example/mcp\u0001'],
    ['nothing', ''],
    ['slashes only', '///'],
  ])('whose profile lists a URL with %s is a third party’s', async (_, url) => {
    const { entry, run } = await decisionOn(await memberOf([{ url }]), way);
    expect(entry).toMatchObject(notListed);
    expect(run).toBeUndefined();
  });

  test.each([
    ['an object', { url: URL }],
    ['JSON null', null],
    ['SQL NULL', undefined],
    ['a string', URL],
    ['a number', 7],
    ['an empty array', []],
    ['an array of strings', [URL]],
    ['an array of null', [null]],
    ['an object without url', [{ name: URL }]],
    ['url null', [{ url: null }]],
    ['url a number', [{ url: 7 }]],
    ['url an object', [{ url: { url: URL } }]],
    ['url an array', [{ url: [URL] }]],
    ['a nested array', [[{ url: URL }]]],
    ['another key for url', [{ URL: URL }]],
  ])('whose profile has as agents %s is a third party’s', async (_, agents) => {
    const { entry } = await decisionOn(await memberOf(agents), way);
    expect(entry).toMatchObject(notListed);
  });

  test.each([
    ['a number', 7, '7'],
    ['a boolean', true, 'true'],
  ])(
    'whose profile lists %s is a third party’s, though the context’s URL has the same text',
    async (...given) => {
      const [, url, contextUrl] = given;
      expect((await decisionOn(await memberOf([{ url }], contextUrl), way)).entry).toMatchObject(notListed);
    },
  );

  test('whose profile lists the agent among entries of every other kind is an owner’s', async () => {
    const agents = [null, 7, 'text', true, [], {}, { url: null }, { url: URL, extra: [1] }, { url: URL }];
    expect((await decisionOn(await memberOf(agents), way)).entry).toMatchObject(owned);
  });

  test('is an owner’s when one of several profiles of the organisation lists the agent', async () => {
    const who = await memberOf({ url: URL });
    await world().profile(who.organization, [{ url: 'https://other.example' }]);
    await world().profile(who.organization, [{ url: `${URL}/` }]);
    await world().profile(who.organization, [{ url: URL }]);
    expect((await decisionOn(who, way)).entry).toMatchObject(owned);
  });

  test('is judged by its own organisation, though a batch brings one that lists the same agent', async () => {
    const lister = await world().owner(URL);
    const who = await memberOf([]);
    const rows = [lister, who].map(({ context, user }) => aRow({ agent_context_id: context, user_id: user }));
    await world().project(rows.map(way.message));
    const [listed, unlisted] = await Promise.all(rows.map(({ id }) => world().ledger(id)));
    expect(listed).toMatchObject(owned);
    expect(unlisted).toMatchObject(notListed);
  });

  test('is a third party’s when only another organisation’s profile lists the agent', async () => {
    const who = await memberOf([]);
    await world().profile('org_other', [{ url: URL }]);
    await world().member(who.user, 'org_other');
    expect((await decisionOn(who, way)).entry).toMatchObject(notListed);
  });
});

describe.each(ways)('a $way on an agent that its organisation lists', (way) => {
  const stranger = {
    decision: 'third_party',
    reason: 'not_a_member',
    is_member: false,
    lists_agent: true,
    canonical_run_id: null,
  };

  test('of a user of no organisation is a third party’s', async () => {
    const { context } = await memberOf([{ url: URL }]);
    expect((await decisionOn({ context, user: 'user_nobody' }, way)).entry).toMatchObject(stranger);
  });

  test('of another organisation’s member is a third party’s, also when that one lists the agent too', async () => {
    const { context } = await memberOf([{ url: URL }]);
    const other = await world().owner(URL);
    expect((await decisionOn({ context, user: other.user }, way)).entry).toMatchObject(stranger);
  });

  test.each([
    ['capitals', 'USER_OF_TABLE'],
    ['blanks around it', ' user_of_table '],
  ])('of a user whose id differs from the member’s by %s is a third party’s', async (_, user) => {
    const { context } = await memberOf([{ url: URL }]);
    expect((await decisionOn({ context, user }, way)).entry).toMatchObject(stranger);
  });

  test('of neither a member nor a listed agent names both reasons', async () => {
    const { context } = await memberOf([]);
    expect((await decisionOn({ context, user: 'user_nobody' }, way)).entry).toMatchObject({
      decision: 'third_party',
      reason: 'not_a_member,agent_not_listed',
    });
  });

  test.each([
    ['NULL', null],
    ['empty', ''],
    ['blank', '   '],
    ['a tab', '\t'],
    ['a non-breaking space', '\u00a0'],
  ])('whose user id is %s is anonymous, even if such a member exists', async (_, user) => {
    const { context, organization } = await memberOf([{ url: URL }]);
    await world().member(user ?? '', organization);
    const { entry, run } = await decisionOn({ context, user }, way);
    expect(entry).toMatchObject({ decision: 'anonymous', reason: 'no_user_id', canonical_run_id: null });
    expect(run).toBeUndefined();
  });
});

describe.each(ways)('a $way on a context', (way) => {
  test('whose URL is not canonical gets the canonical one, and keeps the original beside it', async () => {
    const original = ' HTTPS://Agent.Example/mcp// ';
    const { entry, run } = await decisionOn(await memberOf([{ url: URL }], original), way);
    expect(entry).toMatchObject({ ...owned, agent_url: URL });
    expect(run).toMatchObject({
      agent_url: URL,
      observations_json: { original_agent_url: original },
    });
  });

  test('whose URL is canonical has no original beside it', async () => {
    const { run } = await decisionOn(await memberOf([{ url: 'HTTPS://AGENT.example/mcp/' }]), way);
    expect(run?.['observations_json']).not.toHaveProperty('original_agent_url');
  });

  test.each([
    ['is empty', ''],
    ['is blank', ' \t '],
    ['has a blank inside', 'https://agent.example/m cp'],
    ['has a wildcard', 'https://*.example/mcp'],
    ['has a control character', 'https://agent.example/\u0007'],
    ['has a C1 control character', 'https://agent.example/\u0085'],
    ['is nothing but slashes', '//'],
  ])('whose URL %s is nobody’s, though the profile lists the very same text', async (_, url) => {
    const { entry, run } = await decisionOn(await memberOf([{ url }], url), way);
    expect(entry).toMatchObject({
      decision: 'third_party',
      reason: 'no_agent_url',
      agent_url: null,
      lists_agent: false,
    });
    expect(run).toBeUndefined();
  });
});
