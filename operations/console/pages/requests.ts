import { html } from 'hono/html';
import { streamSSE } from 'hono/streaming';
import { HTTPException } from 'hono/http-exception';
import { setTimeout as delay } from 'node:timers/promises';
import { FatalError } from '../../../lib/errors.ts';
import { argumentsIn, commandOf } from '../../requests/commands.ts';
import { ask, listRequests, readRequest, type StoredRequest } from '../../requests/store.ts';
import { layout, type Html } from '../layout.ts';
import type { ConsoleContext, ConsoleRequest, Page } from '../page.ts';
import { requestForm, said, stateBadge, tableOf, timeText } from '../request-form.ts';
import { resultOf } from '../request-result.ts';

const LISTED = 50;
const EVERY_MS = 1_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ID = /^[1-9]\d{0,17}$/;

/** What people asked for, and what became of it. Every action of every page comes through here. */
export const requestsPage: Page = {
  id: 'requests',
  path: '/requests',
  title: 'Requests',
  register: (app, context) => {
    const { canonical } = context;
    app.get('/requests', async (c) => {
      const rows = await listRequests(canonical, { limit: LISTED });
      return c.html(layout(c, { title: 'Requests', id: 'requests', body: requestList(rows) }));
    });
    app.post('/requests', async (c) => {
      if (!c.get('visitor').mayAct) throw new HTTPException(403);
      return await asked(c, context);
    });
    app.get('/requests/:id', async (c) => {
      const request = await requestOf(c, context);
      if (request === undefined) return await c.notFound();
      const live = isOver(request)
        ? html`<div>${shown(c, request)}</div>`
        : html`<div hx-sse:connect="/live/requests/${request.id}" hx-swap="innerMorph">
            ${shown(c, request)}
          </div>`;
      const body = html`${live}
        <p class="soft"><a href="/requests">All requests</a></p>`;
      return c.html(layout(c, { title: `Request ${request.id}`, id: 'requests', body }));
    });
    app.get('/live/requests/:id', async (c) => {
      if ((await requestOf(c, context)) === undefined) return await c.notFound();
      return streamSSE(c, async (stream) => {
        const gone = new AbortController();
        stream.onAbort(() => {
          gone.abort();
        });
        const signal = AbortSignal.any([context.stop, gone.signal]);
        while (!signal.aborted) {
          const request = await requestOf(c, context);
          if (request === undefined) return;
          await stream.writeSSE({ data: String(await shown(c, request)) });
          // A stream that ends is opened again by the browser; so it stays open, and says nothing more.
          await delay(isOver(request) ? 60_000 : EVERY_MS, undefined, { signal }).catch(() => undefined);
        }
      });
    });
  },
};

async function requestOf(
  c: ConsoleRequest,
  { canonical }: ConsoleContext,
): Promise<StoredRequest | undefined> {
  const id = c.req.param('id') ?? '';
  return ID.test(id) ? await readRequest(canonical, id) : undefined;
}

const isOver = ({ state }: StoredRequest) => state !== 'waiting' && state !== 'running';

async function asked(c: ConsoleRequest, { canonical, wake }: ConsoleContext) {
  const form = await c.req.parseBody();
  const one = (name: string) => (typeof form[name] === 'string' ? form[name] : '');
  try {
    const command = commandOf(one('command'));
    const fields = Object.entries(form).flatMap(([name, value]) =>
      name.startsWith('arg.') && typeof value === 'string' ? [[name.slice(4), value] as const] : [],
    );
    if (!UUID.test(one('form_id'))) throw new HTTPException(403);
    const id = await ask(canonical, {
      by: c.get('visitor').person ?? '',
      formId: one('form_id'),
      command: one('command'),
      arguments: argumentsIn(command, Object.fromEntries(fields)),
      applies: one('applies') === 'yes',
      follows: ID.test(one('follows')) ? one('follows') : null,
      dryRunFirst: command.dryRunFirst,
    });
    wake();
    return c.redirect(`/requests/${id}`, 303);
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    const body = html`<div class="notice wrong">
      <p>${said(error.message)}</p>
      <p>Nothing was done. To mend it: ${said(error.wayOut)}.</p>
    </div>`;
    return c.html(layout(c, { title: 'Not taken', id: 'requests', body }), 422);
  }
}

export function requestList(rows: readonly StoredRequest[]): Html {
  if (rows.length === 0) return html`<p class="notice">Nobody has asked for anything in the console yet.</p>`;
  return html`<section class="card">
    ${tableOf('Requests', rows, [
      { head: 'Request', cell: ({ id }) => html`<a href="/requests/${id}">${id}</a>` },
      { head: 'Asked (UTC)', cell: ({ at }) => timeText(at) },
      { head: 'By', cell: ({ performedBy }) => said(performedBy) },
      { head: 'What', cell: ({ command }) => html`<code>${command}</code>` },
      { head: 'State', cell: stateBadge },
    ])}
  </section>`;
}

function shown(c: ConsoleRequest, request: StoredRequest): Html {
  const { id, at, performedBy, command, applies, stateAt, result, follows, state } = request;
  const { title, dryRunFirst } = commandOf(command);
  const values = Object.fromEntries(
    Object.entries(request.arguments).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(' ') : String(value),
    ]),
  );
  const seen = !applies && (state === 'done' || state === 'no');
  return html`<section class="card stack" aria-live="polite">
      <div class="card-head">
        <h2>${title}</h2>
        ${stateBadge(request)}
      </div>
      <dl class="facts">
        <dt>Command</dt>
        <dd><code>history-cdc ${command}</code></dd>
        <dt>Asked by</dt>
        <dd>${said(performedBy)}, ${timeText(at)} UTC</dd>
        ${Object.entries(values).map(
          ([name, value]) =>
            html`<dt>${name}</dt>
              <dd>${said(value)}</dd>`,
        )}
        ${
          follows === null
            ? ''
            : html`<dt>Follows</dt>
                <dd><a href="/requests/${follows}">request ${follows}</a></dd>`
        }
        <dt>State since</dt>
        <dd>${timeText(stateAt ?? at)} UTC</dd>
      </dl>
      ${
        state === 'interrupted'
          ? html`<p class="notice wrong">
              The console ended before this request did, so nobody knows how far it came. What was committed
              stays. Look at the page that it is about, then repeat it.
            </p>`
          : ''
      }
    </section>
    ${result === null || !isOver(request) ? '' : resultOf(request, result)}
    ${
      seen && dryRunFirst ? requestForm(c, { command, label: 'Apply exactly this', follows: id, values }) : ''
    }
    ${
      state === 'interrupted' || state === 'failed'
        ? requestForm(c, { command, label: 'Repeat', applies, follows: id, values, quiet: true })
        : ''
    }`;
}
