import { html } from 'hono/html';
import { countText, spanText } from '../../../lib/figures.ts';
import type { RunReport, SnapshotStatus } from '../../snapshot/status.ts';
import type { StatusReport } from '../../status/report.ts';
import { listRequests } from '../../requests/store.ts';
import { layout, type Html } from '../layout.ts';
import type { Seen } from '../looks.ts';
import type { ConsoleRequest, Page } from '../page.ts';
import { field, requestForm, said, timeText } from '../request-form.ts';
import { requestList } from './requests.ts';

const COMMANDS = ['snapshot start', 'snapshot pause', 'snapshot resume', 'snapshot stop'];
const REQUESTS = 5;
const LOOKS: Readonly<Record<string, string>> = {
  ...{
    done: 'good',
    read: '',
    running: '',
    initial: '',
    failed: 'wrong',
    lost: 'wrong',
    stalled: 'wrong',
    unanswered: 'wrong',
    uncovered: 'wrong',
  },
};

/** How far the re-read of the legacy table is, and what holds it back; start, pause, resume, stop. */
export const snapshotsPage: Page = {
  id: 'snapshots',
  path: '/snapshots',
  title: 'Snapshots',
  register: (app, { looks, canonical }) => {
    app.get('/snapshots', async (c) => {
      const seen = await looks.latest();
      const asked = await listRequests(canonical, { commands: COMMANDS, limit: REQUESTS });
      const body = html`${shown(c, seen)}
      ${
        asked.length === 0
          ? ''
          : html`<h2>Last requests</h2>
              ${requestList(asked)}`
      }`;
      return c.html(layout(c, { title: 'Snapshots', id: 'snapshots', body }));
    });
  },
};

function shown(c: ConsoleRequest, seen: Seen): Html {
  if (seen.kind === 'looking')
    return html`<p class="notice">The services are being asked. <a href="/snapshots">Look again</a></p>`;
  if (seen.kind === 'retired') return html`<p class="notice">${said(seen.what)}</p>`;
  const { snapshot } = seen.report;
  if (snapshot === null)
    return html`<p class="notice wrong">
      Nothing is known about snapshots, because Kafka or the topic of the notifications gives no answer.
    </p>`;
  const open = snapshot.run?.state === 'running' || snapshot.run?.state === 'paused';
  return html`${verdict(snapshot)} ${progress(snapshot, seen.report)}
  ${open ? switches(c, snapshot) : starts(c)}`;
}

function verdict({
  verdict: state,
  reasons,
  next,
  askedAt,
}: SnapshotStatus & { readonly askedAt: string }): Html {
  return html`<div class="notice ${LOOKS[state] ?? 'look'}">
    <p>State: <strong>${state.replace('_', ' ')}</strong>. Asked ${timeText(new Date(askedAt))} UTC.</p>
    ${reasons.map((reason) => html`<p>${said(reason)}</p>`)}
    ${next === null ? '' : html`<p>Next: <code>${said(next)}</code></p>`}
  </div>`;
}

function progress(snapshot: SnapshotStatus, { ledger }: StatusReport): Html {
  const { run, initial, connector, pause, recordsToProject } = snapshot;
  const decided =
    ledger === null ? null : Object.values(ledger.decisions).reduce((sum, rows) => sum + rows, 0);
  return html`<section class="card">
    <h2>Progress</h2>
    <dl class="facts">
      <dt>Initial snapshot</dt>
      <dd>${initial}</dd>
      ${
        run === null
          ? html`<dt>Re-read</dt>
              <dd>none was ever started</dd>`
          : ofRun(run)
      }
      ${
        pause === null
          ? ''
          : html`<dt>Paused because</dt>
              <dd>${said(pause.why)}</dd>`
      }
      <dt>Connector</dt>
      <dd>${[connector.state, ...connector.tasks.map((task) => `task ${task}`)].join(', ')}</dd>
      <dt>To be projected</dt>
      <dd>
        ${recordsToProject === null ? 'not known' : `${countText(recordsToProject)} records of the topic`}
      </dd>
      <dt>Coverage</dt>
      <dd>
        ${decided === null ? 'not known' : `${countText(decided)} rows in the ledger`}${
          ledger?.legacyRows == null ? '' : `, ${countText(ledger.legacyRows)} in the legacy table`
        }.
        <code>history-cdc snapshot status</code> compares row by row.
      </dd>
    </dl>
  </section>`;
}

function ofRun(run: RunReport): Html {
  const { rowsDone, rowsTotal, rowsPerSecond, secondsLeft } = run;
  const number = (count: number | null) => (count === null ? 'not known' : countText(count));
  return html`<dt>Re-read</dt>
    <dd>${said(run.id)}, ${run.state}</dd>
    <dt>Which rows</dt>
    <dd>
      ${run.condition === undefined ? 'not known' : run.condition === null ? 'the whole table' : 'some rows'}
    </dd>
    <dt>Rows read</dt>
    <dd>${number(rowsDone)} of ${number(rowsTotal)}</dd>
    <dt>Pace</dt>
    <dd>${rowsPerSecond === null ? 'not known' : `${countText(rowsPerSecond)} rows/s`}</dd>
    <dt>Time left</dt>
    <dd>${secondsLeft === null ? 'not known' : spanText(secondsLeft)}</dd>
    <dt>Last movement</dt>
    <dd>${spanText(run.secondsSinceMoved)} ago</dd>`;
}

function starts(c: ConsoleRequest): Html | '' {
  if (!c.get('visitor').mayAct) return '';
  return html`<section class="card stack">
    <h2>Read again</h2>
    <p class="soft">Rows that were projected stay as they are. The stream goes on meanwhile.</p>
    ${requestForm(c, { command: 'snapshot start', values: { scope: 'table' }, label: 'Read the whole table again' })}
    ${requestForm(c, {
      ...{ command: 'snapshot start', values: { scope: 'ids' }, quiet: true },
      label: 'Read these rows again',
      fields: field('ids', 'Ids of legacy rows, separated by commas'),
    })}
  </section>`;
}

function switches(c: ConsoleRequest, { run }: SnapshotStatus): Html | '' {
  if (!c.get('visitor').mayAct) return '';
  const paused = run?.state === 'paused';
  const verb = paused ? 'resume' : 'pause';
  return html`<section class="card stack">
    <h2>Change its course</h2>
    ${requestForm(c, {
      command: `snapshot ${verb}`,
      label: paused ? 'Resume it' : 'Pause it',
      fields: field('why', `Why you ${verb} it`),
    })}
    ${requestForm(c, { command: 'snapshot stop', label: 'Stop it', quiet: true, fields: field('why', 'Why you stop it') })}
  </section>`;
}
