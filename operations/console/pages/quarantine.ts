import { html } from 'hono/html';
import { schemaLookupOf } from '../../../lib/registry.ts';
import { contentOf, type Content } from '../../quarantine/content.ts';
import {
  countRecords,
  listRecords,
  readRecord,
  type ParkedRecord,
  type ReasonCount,
  type WholeRecord,
} from '../../quarantine/records.ts';
import { listRequests } from '../../requests/store.ts';
import { layout, type Html } from '../layout.ts';
import type { ConsoleContext, ConsoleRequest, Page } from '../page.ts';
import { field, requestForm, said, tableOf, timeText } from '../request-form.ts';
import { requestList } from './requests.ts';

const LISTED = 200;
const REQUESTS = 5;

/** What is parked, grouped by reason: retry after a dry run, waive with a name and a reason. */
export const quarantinePage: Page = {
  id: 'quarantine',
  path: '/quarantine',
  title: 'Quarantine',
  register: (app, context) => {
    app.get('/quarantine', async (c) => c.html(await list(c, context)));
    app.get('/quarantine/:id', async (c) => {
      const id = c.req.param('id');
      const record = /^[1-9]\d{0,17}$/.test(id) ? await readRecord(context.canonical, id) : undefined;
      return record === undefined ? await c.notFound() : c.html(await one(c, context, record));
    });
  },
};

async function list(c: ConsoleRequest, { canonical }: ConsoleContext): Promise<Html> {
  const all = c.req.query('all') === 'yes';
  const records = await listRecords(canonical, { all, limit: LISTED });
  const counts = await countRecords(canonical);
  const asked = await listRequests(canonical, {
    commands: ['quarantine retry', 'quarantine waive'],
    limit: REQUESTS,
  });
  const open = counts.reduce((sum, count) => sum + count.open, 0);
  const body = html`<p class="notice ${open === 0 ? 'good' : 'wrong'}">
      ${
        open === 0
          ? 'No record waits for a person.'
          : `Parked records that wait for a person: ${String(open)}. Their rows have no decision until a retry or a later event decides them.`
      }
    </p>
    ${byReason(c, counts)}
    ${
      records.length === 0
        ? ''
        : html`<section class="card">
            <h2>${all ? 'All records' : 'Open records'}</h2>
            ${tableOf('Parked records', records, COLUMNS)}
            ${
              records.length === LISTED
                ? html`<p class="soft">
                    The first ${LISTED}: <code>history-cdc quarantine list</code> has all of them.
                  </p>`
                : ''
            }
          </section>`
    }
    <p class="soft">
      ${
        all
          ? html`<a href="/quarantine">Only open records</a>`
          : html`<a href="/quarantine?all=yes"
              >Show waived and healed records, too: who waived what, and why</a
            >`
      }
    </p>
    ${
      asked.length === 0
        ? ''
        : html`<h2>Last requests</h2>
            ${requestList(asked)}`
    }`;
  return layout(c, { title: 'Quarantine', id: 'quarantine', body });
}

function byReason(c: ConsoleRequest, counts: readonly ReasonCount[]): Html | '' {
  if (counts.length === 0) return '';
  return html`<section class="card">
    <h2>By reason</h2>
    ${tableOf('Parked records by reason', counts, [
      { head: 'Reason', cell: ({ reason }) => html`<code>${reason}</code>` },
      { head: 'Open', cell: (count) => count.open, number: true },
      { head: 'Waived', cell: ({ waived }) => waived, number: true },
      { head: 'Healed', cell: ({ healed }) => healed, number: true },
      ...(c.get('visitor').mayAct ? [{ head: 'Action', cell: retryAll(c) }] : []),
    ])}
  </section>`;
}

const COLUMNS = [
  { head: 'Record', cell: ({ id }: ParkedRecord) => html`<a href="/quarantine/${id}">${id}</a>` },
  {
    head: 'Legacy row',
    cell: ({ legacy_id: id }: ParkedRecord) =>
      id === null ? 'key not readable' : html`<a class="mono" href="/runs/${id}">${id}</a>`,
  },
  { head: 'Reason', cell: ({ reason }: ParkedRecord) => html`<code>${reason}</code>` },
  { head: 'What is wrong', cell: ({ detail }: ParkedRecord) => said(detail) },
  { head: 'Parked (UTC)', cell: ({ quarantined_at: at }: ParkedRecord) => timeText(at) },
  { head: 'Retried', cell: ({ attempts }: ParkedRecord) => attempts, number: true },
  { head: 'State', cell: stateOf },
];

function stateOf({ state, waived_by: by, waive_reason: why }: ParkedRecord): Html {
  const look = { open: 'wrong', waived: 'look', healed: 'good' }[state];
  return html`<span class="badge ${look}">${state}</span>
    ${state === 'waived' ? `by ${said(by)}: ${said(why)}` : ''}`;
}

function retryAll(c: ConsoleRequest) {
  return ({ reason, open }: { readonly reason: string; readonly open: number }) =>
    open === 0
      ? ''
      : requestForm(c, {
          ...{ command: 'quarantine retry', applies: false, values: { reason }, quiet: true },
          label: `Try to retry ${String(open)} (dry run)`,
        });
}

async function one(c: ConsoleRequest, { config }: ConsoleContext, record: WholeRecord): Promise<Html> {
  const { id, state } = record;
  const mayShow = c.get('visitor').seesValues;
  const shows = mayShow && c.req.query('values') === 'shown';
  const body = html`<section class="card stack">
      <div class="card-head">
        <h2>${record.reason}</h2>
        ${stateOf(record)}
      </div>
      <dl class="facts">
        <dt>What is wrong</dt>
        <dd>${said(record.detail)}</dd>
        <dt>Legacy row</dt>
        <dd>
          ${record.legacy_id === null ? 'its key cannot be read' : html`<a class="mono" href="/runs/${record.legacy_id}">${record.legacy_id}</a>`}
        </dd>
        <dt>Position</dt>
        <dd class="mono">${record.topic ?? record.topic_id}:${record.partition}:${record.offset}</dd>
        <dt>Parked</dt>
        <dd>${timeText(record.quarantined_at)} UTC</dd>
        <dt>Retried</dt>
        <dd>${record.attempts} times, last ${timeText(record.attempted_at)}</dd>
        <dt>Ledger</dt>
        <dd>${record.ledger === null ? 'has nothing for this row' : ledgerText(record.ledger)}</dd>
      </dl>
    </section>
    <section class="card">
      <h2>Content</h2>
      ${
        shows
          ? await contents(record, schemaLookupOf(config))
          : mayShow
            ? html`<p>
                The content may hold personal data.
                <a href="/quarantine/${id}?values=shown">Show the content of this record</a>
              </p>`
            : html`<p>Only a person who is signed in may see the content.</p>`
      }
    </section>
    ${state === 'healed' ? '' : retryOne(c, record)} ${state === 'open' ? waiveOne(c, record) : ''}
    <p class="soft"><a href="/quarantine">All parked records</a></p>`;
  return layout(c, { title: `Parked record ${id}`, id: 'quarantine', body });
}

function ledgerText(ledger: Readonly<Record<string, unknown>>): string {
  const decision = ledger['decision'];
  const reason = ledger['reason'];
  return `${typeof decision === 'string' ? decision : ''} (${typeof reason === 'string' ? said(reason) : ''})`;
}

async function contents(record: WholeRecord, lookUp: ReturnType<typeof schemaLookupOf>): Promise<Html> {
  if (record.value_sha256 !== null)
    return html`<p>
      The content is not kept (${String(record.value_bytes)} bytes, SHA-256
      <code>${record.value_sha256}</code>).
    </p>`;
  const [key, value] = [
    await contentOf(record.record_key, lookUp),
    await contentOf(record.record_value, lookUp),
  ];
  return html`<h3>Key</h3>
    ${contentText(key)}
    <h3>Value</h3>
    ${contentText(value)}`;
}

function contentText({ format, value }: Content): Html {
  if (format === 'none') return html`<p>none</p>`;
  if (format === 'unreadable')
    return html`<p>It cannot be read. <code>history-cdc quarantine show --raw</code> prints its bytes.</p>`;
  const json = JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one), 2);
  return html`<pre class="scroll" tabindex="0"><code>${json}</code></pre>`;
}

function retryOne(c: ConsoleRequest, { id }: WholeRecord): Html | '' {
  return requestForm(c, {
    ...{ command: 'quarantine retry', applies: false, values: { ids: id } },
    label: 'Try to retry it (dry run)',
  });
}

function waiveOne(c: ConsoleRequest, { id }: WholeRecord): Html | '' {
  if (!c.get('visitor').mayAct) return '';
  return html`<section class="card">
    <h2>Give it up</h2>
    <p class="soft">
      The record stays counted, and its row stays without a decision. Your name and the reason stay listed for
      ever.
    </p>
    ${requestForm(c, {
      ...{ command: 'quarantine waive', values: { ids: id }, quiet: true },
      label: 'Waive this record',
      fields: field('reason', 'Why nothing is lost'),
    })}
  </section>`;
}
