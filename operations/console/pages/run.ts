import { html } from 'hono/html';
import { layout } from '../layout.ts';
import type { Page } from '../page.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const runPage: Page = {
  id: 'run',
  path: '/runs',
  title: 'Run',
  unlisted: true,
  register: (app) => {
    // The search of every page: an id leads to its run.
    app.get('/go', (c) => {
      const text = (c.req.query('q') ?? '').trim();
      return c.redirect(UUID.test(text) ? `/runs/${text.toLowerCase()}` : '/', 303);
    });
    app.get('/runs/:id', (c) => {
      const id = c.req.param('id');
      return c.html(layout(c, { title: 'Run', id: 'run', body: html`<p>${id}</p>` }));
    });
  },
};
