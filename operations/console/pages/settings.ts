import { html } from 'hono/html';
import { layout } from '../layout.ts';
import type { Page } from '../page.ts';

export const settingsPage: Page = {
  id: 'settings',
  path: '/settings',
  title: 'Settings',
  register: (app, { settings }) => {
    app.get('/settings', (c) => {
      const body = html`<section class="card">
        <table>
          <thead>
            <tr>
              <th>Setting</th>
              <th>Value</th>
              <th>Source</th>
              <th>Meaning</th>
            </tr>
          </thead>
          <tbody>
            ${settings.map(
              ({ name, value, source, meaning }) =>
                html`<tr>
                  <th scope="row"><code>${name}</code></th>
                  <td><code>${value ?? '–'}</code></td>
                  <td>${source}</td>
                  <td>${meaning}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </section>`;
      return c.html(layout(c, { title: 'Settings', id: 'settings', body }));
    });
  },
};
