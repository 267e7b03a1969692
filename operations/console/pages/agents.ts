import { html } from 'hono/html';
import {
  agentRuns,
  findAgents,
  readAgent,
  readVerdict,
  type Agent,
  type AgentVerdict,
  type FoundAgent,
  type ListPage,
} from '../../find/agents.ts';
import { answerOf, type Answer } from '../../facts/answer.ts';
import { layout, type Html } from '../layout.ts';
import type { ConsoleRequest, Page } from '../page.ts';
import { agentLink, historyPart } from '../parts/history.ts';
import { badge, moment, NONE, shown, type Tone } from '../parts/words.ts';

const AGENTS = 50;
const RUNS = 50;
const LONGEST = 2_000;

/** The agents that a search finds, and the history of one: its canonical runs, each with where it comes from. */
export const agentsPage: Page = {
  id: 'agents',
  path: '/agents',
  title: 'Agents',
  register: (app, { canonical }) => {
    app.get('/agents', async (c) => {
      if (!c.get('visitor').seesValues) return refused(c, 'Agents');
      const text = (c.req.query('q') ?? '').trim().slice(0, LONGEST);
      const after = c.req.query('after')?.slice(0, LONGEST);
      const found = text === '' ? undefined : await findAgents(canonical, { text, after, limit: AGENTS });
      const body = html`${searchForm(text)}${found === undefined ? '' : foundPart(text, found)}`;
      return c.html(layout(c, { title: 'Agents', id: 'agents', body }));
    });
    app.get('/agents/history', async (c) => {
      if (!c.get('visitor').seesValues) return refused(c, 'Agent');
      const agent = await readAgent(canonical, (c.req.query('url') ?? '').slice(0, LONGEST));
      if (agent === undefined) return noAgent(c);
      const { agentUrl } = agent;
      const runs = await agentRuns(canonical, { agentUrl, after: c.req.query('after'), limit: RUNS });
      if (runs === undefined) return await c.notFound();
      const olderOnly = c.req.query('after') !== undefined;
      const verdict = await answerOf(() => readVerdict(canonical, agentUrl));
      const body = html`${agentPart(agent, verdict)}
        <section class="card" aria-labelledby="history">
          <div class="card-head">
            <h2 id="history">${olderOnly ? 'Older runs' : 'Runs'}</h2>
            <p class="soft small">
              ${olderOnly ? html`<a href="${addressOf(agentUrl)}">Back to the newest</a>` : 'newest first'}
            </p>
          </div>
          ${historyPart(runs.items)}
          ${runs.next === null ? '' : html`<p><a class="button" href="${addressOf(agentUrl, runs.next)}">Older runs</a></p>`}
        </section>`;
      return c.html(layout(c, { title: 'Agent', id: 'agents', body }));
    });
  },
};

function addressOf(agentUrl: string, after?: string): string {
  const query = new URLSearchParams({ url: agentUrl, ...(after === undefined ? {} : { after }) });
  return `/agents/history?${query.toString()}`;
}

function refused(c: ConsoleRequest, title: string) {
  const body = html`<p class="notice">
    This page shows values of rows. <a href="/sign-in">Sign in</a> to see them. An id of a run can be looked
    up without signing in.
  </p>`;
  return c.html(layout(c, { title, id: 'agents', body }), 403);
}

function noAgent(c: ConsoleRequest) {
  const body = html`<p class="notice">
      This text names no agent. The application takes a URL for an agent only if it is not empty, and has no
      space, no control character and no <code>*</code> in it.
    </p>
    ${searchForm('')}`;
  return c.html(layout(c, { title: 'Agent', id: 'agents', body }), 404);
}

function searchForm(text: string): Html {
  return html`<form class="card search" action="/agents" method="get" role="search" aria-label="Agents">
    <label for="agent">A part of the agent’s URL, or the id of an organisation or of a user</label>
    <div class="find">
      <input
        type="search"
        id="agent"
        name="q"
        value="${text}"
        autocomplete="off"
        spellcheck="false"
        maxlength="${String(LONGEST)}"
      />
      <button type="submit" class="primary">Search</button>
    </div>
  </form>`;
}

function foundPart(text: string, { items, next }: ListPage<FoundAgent>): Html {
  if (items.length === 0)
    return html`<section class="card">
      <p>
        No context of an organisation and no canonical row is found by this text. If it is the whole URL of an
        agent whose contexts were deleted,
        <a href="${addressOf(text)}">its history</a> may still be there.
      </p>
    </section>`;
  const older = new URLSearchParams({ q: text, after: next ?? '' });
  return html`<section class="card" aria-labelledby="found">
    <h2 id="found">Found</h2>
    <div class="scroll" tabindex="0" role="group" aria-label="Agents that were found">
      <table class="wide-words">
        <thead>
          <tr>
            <th scope="col">Agent</th>
            <th scope="col">Newest run</th>
            <th scope="col">Organisations</th>
          </tr>
        </thead>
        <tbody>
          ${items.map(
            ({ agentUrl, stored, newestStatus, newestAt, organizations }) =>
              html`<tr>
                <th scope="row" class="value">
                  ${agentUrl === null ? html`${shown(stored)} ${badge('unknown', 'names no agent')}` : agentLink(agentUrl, addressOf(agentUrl))}
                </th>
                <td>
                  ${newestStatus === null ? NONE : html`${statusBadge(newestStatus)} ${moment(newestAt)}`}
                </td>
                <td class="value">${organizationsText(organizations ?? [])}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${items.length < AGENTS || next === null ? '' : html`<p><a class="button" href="/agents?${older.toString()}">More agents</a></p>`}
  </section>`;
}

const SHOWN_ORGANIZATIONS = 3;

function organizationsText(organizations: readonly string[]): string {
  if (organizations.length === 0) return NONE;
  const first = organizations.slice(0, SHOWN_ORGANIZATIONS).map(shown).join(', ');
  const others = organizations.length - SHOWN_ORGANIZATIONS;
  return others > 0 ? `${first} and ${String(others)} more` : first;
}

const TONES: Readonly<Record<string, Tone>> = {
  passing: 'good',
  degraded: 'look',
  partial: 'look',
  failing: 'wrong',
};

function statusBadge(status: string): Html {
  return badge(TONES[status] ?? 'unknown', shown(status));
}

function agentPart({ agentUrl, organizations }: Agent, answer: Answer<AgentVerdict | null>): Html {
  const verdict = answer.known ? answer.value : null;
  return html`<section class="hero plain">
    <div class="hero-head">
      <h2 class="value">${shown(agentUrl)}</h2>
      <p>${verdict === null ? '' : statusBadge(verdict.status)}</p>
    </div>
    ${verdict?.headline == null ? '' : html`<p class="verdict">${shown(verdict.headline)}</p>`}
    <p class="small soft">
      ${answer.known ? checkedText(verdict) : html`The current verdict could not be read: ${shown(answer.why)}.`}
      Organisations: ${organizationsText(organizations)}.
    </p>
  </section>`;
}

function checkedText(verdict: AgentVerdict | null): Html | string {
  if (verdict === null) return 'The application keeps no current verdict of this agent.';
  const { checkedAt, streakDays } = verdict;
  return html`Current verdict by the application,
  ${checkedAt === null ? 'never checked' : html`checked ${moment(checkedAt)}`}${streakDays === 0 ? '' : `, streak of ${String(streakDays)} days`}.`;
}
