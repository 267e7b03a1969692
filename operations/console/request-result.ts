import { html } from 'hono/html';
import type { StoredRequest } from '../requests/store.ts';
import type { Html } from './layout.ts';
import { said, tableOf } from './request-form.ts';

type Result = NonNullable<StoredRequest['result']>;

/** What became of a request, from the row of its end. */
export function resultOf({ state, command, applies }: StoredRequest, result: Result): Html {
  if (state === 'failed')
    return html`<div class="notice wrong">
      <p><code>${text(result['code'])}</code>: ${text(result['message'])}</p>
      <p>Way out: ${text(result['wayOut'])}</p>
    </div>`;
  if (command === 'quarantine retry') return retried(result, applies);
  if (command === 'reconcile --repair') return repaired(result, applies);
  const entries = Object.entries(result);
  if (entries.length === 0) return html``;
  return html`<section class="card">
    <h2>Result</h2>
    <dl class="facts">
      ${entries.map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${text(value)}</dd>`,
      )}
    </dl>
  </section>`;
}

function retried(result: Result, applies: boolean): Html {
  const records = listed(result['records']);
  return html`<section class="card">
    <h2>${applies ? 'What became of each record' : 'What would become of each record'}</h2>
    ${
      records.length === 0
        ? html`<p>There is nothing to retry.</p>`
        : tableOf('Records', records, [
            { head: 'Record', cell: ({ id }) => html`<a href="/quarantine/${text(id)}">${text(id)}</a>` },
            { head: 'Legacy row', cell: ({ legacyId }) => run(legacyId) },
            { head: 'Outcome', cell: ({ outcome }) => text(outcome) },
            { head: 'Decision', cell: ({ decision }) => text(decision) },
            {
              head: 'Reason',
              cell: ({ reason, detail }) => [text(reason), text(detail)].filter(Boolean).join(': '),
            },
          ])
    }
  </section>`;
}

function repaired(result: Result, applies: boolean): Html {
  const done = Array.isArray(result['repaired']) ? result['repaired'] : [];
  const left = Object.entries((result['left'] ?? {}) as Record<string, unknown>);
  const rows = [
    ...done.map((id: unknown) => ({
      id,
      why: applies ? 'repaired, and compared again' : 'would be repaired',
    })),
    ...left.map(([id, why]) => ({ id, why: `not repaired: ${text(why)}` })),
  ];
  return html`<section class="card">
    <h2>${applies ? 'What became of each finding' : 'What would become of each finding'}</h2>
    ${
      rows.length === 0
        ? html`<p>There is nothing to repair.</p>`
        : tableOf('Findings', rows, [
            { head: 'Legacy row', cell: ({ id }) => run(id) },
            { head: 'Outcome', cell: ({ why }) => why },
          ])
    }
  </section>`;
}

function run(id: unknown): Html | string {
  return typeof id === 'string' ? html`<a class="mono" href="/runs/${id}">${id}</a>` : 'no key';
}

function listed(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? (value as Readonly<Record<string, unknown>>[]) : [];
}

function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return said(value);
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(text).join(', ');
  return said(JSON.stringify(value));
}
