import { html } from 'hono/html';
import type { Pool } from '../../../lib/postgres.ts';
import { KINDS, KIND_NAMES, type Kind } from '../../reconcile/kinds.ts';
import {
  findingsPage as pageOf,
  reportOf,
  type Finding,
  type ReconcileReport,
} from '../../reconcile/report.ts';
import { lastFinished } from '../../reconcile/run-store.ts';
import { listRequests } from '../../requests/store.ts';
import { layout, type Html } from '../layout.ts';
import type { ConsoleContext, ConsoleRequest, Page } from '../page.ts';
import { requestForm, said, tableOf, timeText } from '../request-form.ts';
import { requestList } from './requests.ts';

const COMMANDS = ['reconcile', 'reconcile --repair'];
const REQUESTS = 5;
const LISTED = 200;

const VERDICTS = {
  proven: ['good', 'Proven: every row has its decision, its one canonical row, and the same content.'],
  wrong: ['wrong', 'Wrong: rows are lost, doubled, or differ. The findings name them.'],
  not_proven: ['look', 'Not proven: rows are in flight, wait in quarantine, or were not compared.'],
  changes_proven: ['look', 'Only the changes are proven, not the whole.'],
} as const;

/** What the last `reconcile` found: by kind, with every id; start one, and repair after a dry run. */
export const findingsPage: Page = {
  id: 'findings',
  path: '/findings',
  title: 'Findings',
  register: (app, context) => {
    app.get('/findings', async (c) => c.html(await show(c, context)));
  },
};

async function show(c: ConsoleRequest, { canonical }: ConsoleContext): Promise<Html> {
  const run = await lastFinished(canonical);
  const asked = await listRequests(canonical, { commands: COMMANDS, limit: REQUESTS });
  const body = html`${
    run === undefined
      ? html`<p class="notice look">Nothing was ever compared as a whole, so nothing is proven.</p>`
      : await reported(c, canonical, await reportOf(canonical, run))
  }
  ${requestForm(c, { command: 'reconcile', label: 'Compare everything now' })}
  ${
    asked.length === 0
      ? ''
      : html`<h2>Last requests</h2>
          ${requestList(asked)}`
  }`;
  return layout(c, { title: 'Findings', id: 'findings', body });
}

async function reported(c: ConsoleRequest, canonical: Pool, report: ReconcileReport): Promise<Html> {
  const { run, verdict, stale, kinds, gaps } = report;
  const unproven = verdict === 'proven' && (stale !== null || gaps.length > 0);
  const [look, text] = VERDICTS[verdict];
  const repairable = kinds.some(
    ({ kind, confirmed }) => confirmed > 0 && (kind === 'missing' || kind === 'different'),
  );
  return html`<div class="notice ${unproven ? 'look' : look}">
      <p>${text}</p>
      <p>
        Run ${run.id}, finished ${timeText(run.finished_at)} UTC; ${run.legacy_rows} legacy rows,
        ${run.ledger_rows} rows of the ledger, ${run.canonical_rows} canonical rows.
      </p>
      ${stale === null ? '' : html`<p>The verdict says nothing about now: ${said(stale)}.</p>`}
      ${gaps.map((gap) => html`<p>Gap ${gap.id} of the stream (${gap.kind}) is open, so nothing is proven.</p>`)}
    </div>
    ${
      kinds.length === 0
        ? ''
        : html`<section class="card">
            <h2>By kind</h2>
            ${tableOf('Findings by kind', kinds, [
              {
                head: 'Kind',
                cell: ({ kind }) => html`<a href="/findings?kind=${kind}"><code>${kind}</code></a>`,
              },
              { head: 'Counts as', cell: ({ severity }) => severity },
              { head: 'Confirmed', cell: ({ confirmed }) => confirmed, number: true },
              { head: 'In flight', cell: ({ in_flight: inFlight }) => inFlight, number: true },
              { head: 'Accepted', cell: (one) => one.accepted, number: true },
              { head: 'Meaning', cell: ({ kind }) => KINDS[kind] },
            ])}
          </section>`
    }
    ${acceptedPart(report)} ${await listed(c, canonical, run.id)}
    ${
      repairable && stale === null
        ? requestForm(c, {
            command: 'reconcile --repair',
            applies: false,
            label: 'Try to repair (dry run)',
            quiet: true,
          })
        : ''
    }`;
}

/** Who answers for each accepted difference, and until when. An expired rule covers nothing in the next run. */
function acceptedPart({ accepted, run }: ReconcileReport): Html | '' {
  const rules = Object.entries(accepted).map(([id, rows]) => ({
    id,
    rows,
    ...run.accept_rules?.find((rule) => rule.id === id),
  }));
  if (rules.length === 0) return '';
  const today = new Date().toISOString().slice(0, 10);
  return html`<section class="card">
    <h2>Accepted differences</h2>
    ${tableOf('Accepted differences', rules, [
      { head: 'Rule', cell: ({ id }) => html`<code>${said(id)}</code>` },
      { head: 'Rows', cell: ({ rows }) => rows, number: true },
      { head: 'Owner', cell: ({ owner }) => said(owner ?? null) },
      { head: 'Reason', cell: ({ reason }) => said(reason ?? null) },
      {
        head: 'Until',
        cell: ({ expires }) =>
          expires === undefined
            ? 'not kept'
            : expires < today
              ? html`${expires} <span class="badge look">expired</span>`
              : expires,
      },
    ])}
  </section>`;
}

async function listed(c: ConsoleRequest, canonical: Pool, runId: string): Promise<Html | ''> {
  const wanted = c.req.query('kind') ?? '';
  const kind = KIND_NAMES.find((name) => name === wanted);
  if (kind === undefined) return '';
  const after = c.req.query('after') ?? '';
  const findings = await pageOf(canonical, runId, { kind, after, limit: LISTED });
  const last = findings.at(-1);
  return html`<section class="card">
    <h2>Findings of the kind <code>${kind}</code></h2>
    ${findings.length === 0 ? html`<p>There is no more.</p>` : tableOf('Findings', findings, COLUMNS)}
    ${
      last !== undefined && findings.length === LISTED
        ? html`<p>
            <a href="/findings?kind=${kind}&after=${encodeURIComponent(last.subject)}">The next ${LISTED}</a>
          </p>`
        : ''
    }
    ${after === '' ? '' : html`<p><a href="/findings?kind=${kind satisfies Kind}">From the beginning</a></p>`}
  </section>`;
}

const link = (id: string | null) => (id === null ? '–' : html`<a class="mono" href="/runs/${id}">${id}</a>`);

const COLUMNS = [
  { head: 'Legacy row', cell: ({ legacy_id: id }: Finding) => link(id) },
  { head: 'Canonical row', cell: ({ canonical_run_id: id }: Finding) => link(id) },
  { head: 'Fields', cell: ({ fields }: Finding) => fields.map(said).join(', ') },
  {
    head: 'State',
    cell: ({ state, accepted_by: rule }: Finding) =>
      rule === null ? state.replace('_', ' ') : `accepted by ${said(rule)}`,
  },
];
