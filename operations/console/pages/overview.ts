import { html } from 'hono/html';
import { streamSSE } from 'hono/streaming';
import { layout, type Html } from '../layout.ts';
import type { Seen } from '../looks.ts';
import type { Page } from '../page.ts';

/** The report of `status` as a page that follows every look. */
export const overviewPage: Page = {
  id: 'overview',
  path: '/',
  title: 'Overview',
  register: (app, { looks, stop }) => {
    app.get('/', async (c) => {
      const content = overview(await looks.latest());
      const body = html`<div hx-sse:connect="/live/overview" hx-swap="innerMorph">${content}</div>`;
      return c.html(layout(c, { title: 'Overview', id: 'overview', body }));
    });
    app.get('/live/overview', (c) =>
      streamSSE(c, async (stream) => {
        const gone = new AbortController();
        stream.onAbort(() => {
          gone.abort();
        });
        for await (const seen of looks.follow(AbortSignal.any([stop, gone.signal])))
          await stream.writeSSE({ data: String(await overview(seen)) });
      }),
    );
  },
};

function overview(seen: Seen): Html {
  return html`<p>${seen.kind}</p>`;
}
