import { html } from 'hono/html';
import { namedError } from '../../lib/named-error.ts';
import { layout, type Html } from './layout.ts';
import type { ConsoleRequest } from './page.ts';

const REFUSED: Readonly<Record<number, readonly [title: string, why: string]>> = {
  403: [
    'Refused',
    'The console takes a change only from its own forms, from a person who is signed in. Open the page again, sign in if it asks you to, and repeat the action.',
  ],
  413: ['Too long', 'The form is longer than the console accepts.'],
  421: [
    'Unknown host name',
    'The console does not answer under this host name. Open it at the address that `history-cdc console` printed, or add the name to CONSOLE_HOSTS.',
  ],
};

/** A request that the frame itself refuses. It says nothing of the visitor or of any row. */
export function refusedPage(c: ConsoleRequest, status: number): Html {
  const [title, why] = REFUSED[status] ?? ['Refused', 'The console refuses this request.'];
  return layout(c, { title, id: '', body: html`<p class="notice wrong">${why}</p>` });
}

export function notFoundPage(c: ConsoleRequest): Html {
  const body = html`<p class="notice">
    There is no such page. <a href="/">The overview</a> shows where to go.
  </p>`;
  return layout(c, { title: 'Not found', id: '', body });
}

interface Failure {
  readonly page: Html;
  readonly status: 500 | 503;
}

/** A page that could not be made. `undefined`: it took too long. No message with a value of a row is shown. */
export function failurePage(c: ConsoleRequest, error: Error | undefined): Failure {
  const named = error === undefined ? undefined : namedError(error);
  if (error !== undefined && named === undefined) {
    const body = html`<p class="notice wrong">
      This page could not be made, because of a fault in history-cdc. The log of the console has the details:
      report it with them.
    </p>`;
    return { status: 500, page: layout(c, { title: 'A fault', id: '', body }) };
  }
  const body = html`<div class="notice wrong">
    <p>
      ${
        named === undefined
          ? 'This page was given up, because a database did not answer in time. Nothing was changed, and the projector is not affected.'
          : `${named.code}: ${named.message}`
      }
    </p>
    <p>
      Way out:
      ${named?.wayOut ?? 'look for what keeps the database busy (pg_stat_activity), and open the page again'}
    </p>
    <p><a href="${c.req.path}">Try again</a></p>
  </div>`;
  return { status: 503, page: layout(c, { title: 'No answer', id: '', body }) };
}
