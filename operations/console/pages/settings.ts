import { html } from 'hono/html';
import { sourceInWords } from '../../../lib/listed-settings.ts';
import { RELEASE } from '../../../lib/release.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import type { Pool } from '../../../lib/postgres.ts';
import { answerOf, type Answer } from '../../facts/answer.ts';
import { layout, type Html } from '../layout.ts';
import type { ConsoleContext, Page } from '../page.ts';
import { badge, shown } from '../parts/words.ts';

const ROLE = sqlFile(import.meta.url, '../sql/role.sql');
const SCHEMA = 'SELECT name FROM history_cdc.migration ORDER BY version DESC LIMIT 1';

interface RoleFacts {
  readonly role: string;
  readonly database: string;
  readonly version: string;
  readonly superuser: boolean;
  /** Tables of ours, and of the application, that the role may change. */
  readonly writes: readonly string[];
}

/** What this console runs with: settings, versions, and what its roles may do. Secrets are masked. */
export const settingsPage: Page = {
  id: 'settings',
  path: '/settings',
  title: 'Settings',
  register: (app, context) => {
    app.get('/settings', async (c) => {
      const [versions, roles] = [await versionsPart(context), await rolesPart(context)];
      const body = html`<div class="columns">
          <section class="card" aria-labelledby="versions">
            <h2 id="versions">Versions</h2>
            ${versions}
          </section>
          <section class="card" aria-labelledby="roles">
            <h2 id="roles">Roles and rights</h2>
            ${roles}
          </section>
        </div>
        <section class="card" aria-labelledby="settings">
          <h2 id="settings">Settings</h2>
          ${settingsPart(context)}
        </section>`;
      return c.html(layout(c, { title: 'Settings', id: 'settings', body }));
    });
  },
};

async function askRole(pool: Pool): Promise<Answer<RoleFacts>> {
  return await answerOf(async () => {
    const [facts] = (await pool.query<RoleFacts>(ROLE)).rows;
    if (facts === undefined) throw new Error('no answer');
    return facts;
  });
}

async function versionsPart({ canonical, legacy }: ConsoleContext): Promise<Html> {
  const schema = await answerOf(
    async () => (await canonical.query<{ name: string }>(SCHEMA)).rows[0]?.name ?? 'none',
  );
  const [one, other] = [await askRole(canonical), await askRole(legacy)];
  return html`<dl class="facts">
    <dt>history-cdc</dt>
    <dd>${RELEASE}</dd>
    <dt>Node</dt>
    <dd>${process.version}</dd>
    <dt>Ledger schema</dt>
    <dd>${schema.known ? schema.value : notKnown(schema.why)}</dd>
    <dt>Canonical database</dt>
    <dd>${one.known ? `Postgres ${one.value.version}` : notKnown(one.why)}</dd>
    <dt>Legacy database</dt>
    <dd>${other.known ? `Postgres ${other.value.version}` : notKnown(other.why)}</dd>
  </dl>`;
}

async function rolesPart({ canonical, legacy, actions }: ConsoleContext): Promise<Html> {
  const parts = await Promise.all(
    (
      [
        ['DATABASE_URL', canonical],
        ['LEGACY_DATABASE_URL', legacy],
      ] as const
    ).map(async ([setting, pool]) => [setting, await askRole(pool)] as const),
  );
  return html`<dl class="facts">
      ${parts.map(
        ([setting, answer]) =>
          html`<dt><code>${setting}</code></dt>
            <dd>${roleText(answer)}</dd>`,
      )}
      <dt>Actions</dt>
      <dd>${actions ? 'on: who is signed in may act' : 'off: pages only show'}</dd>
    </dl>
    <p class="small soft">
      <code>history-cdc migrate --grant-console-to ROLE</code> gives a role what the console needs, and no
      more.
    </p>`;
}

function roleText(answer: Answer<RoleFacts>): Html {
  if (!answer.known) return notKnown(answer.why);
  const { role, database, superuser, writes } = answer.value;
  const can = superuser
    ? badge('look', 'superuser: may do everything')
    : writes.length === 0
      ? badge('good', 'reads only')
      : html`<details>
          <summary>may write ${String(writes.length)} tables</summary>
          ${writes.join(', ')}
        </details>`;
  return html`${role} in ${database} ${can}`;
}

function notKnown(why: string): Html {
  return html`${badge('unknown', 'not known')} ${shown(why)}`;
}

function settingsPart({ settings }: ConsoleContext): Html {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="All settings">
    <table>
      <thead>
        <tr>
          <th scope="col">Setting</th>
          <th scope="col">Value</th>
          <th scope="col">Source</th>
          <th scope="col">Meaning</th>
        </tr>
      </thead>
      <tbody>
        ${settings.map(
          (setting) =>
            html`<tr>
              <th scope="row"><code>${setting.name}</code></th>
              <td class="value"><code>${setting.value ?? '–'}</code></td>
              <td class="soft">${sourceInWords(setting)}</td>
              <td>${setting.meaning}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
