import { randomUUID } from 'node:crypto';
import { html } from 'hono/html';
import { printable } from '../../lib/printable.ts';
import type { RequestState, StoredRequest } from '../requests/store.ts';
import type { Html } from './layout.ts';
import type { ConsoleRequest } from './page.ts';

interface Action {
  readonly command: string;
  /** What the button says. */
  readonly label: string;
  readonly applies?: boolean;
  readonly follows?: string;
  /** Fields that the person does not see. */
  readonly values?: Readonly<Record<string, string>>;
  /** Fields that the person fills in. */
  readonly fields?: Html;
  readonly quiet?: boolean;
}

/** A form that asks for a command; nothing for a visitor who may not act. */
export function requestForm(c: ConsoleRequest, action: Action): Html | '' {
  const { mayAct, csrf } = c.get('visitor');
  if (!mayAct) return '';
  const { command, label, applies = true, follows = '', values = {}, fields = '', quiet } = action;
  const hidden = { csrf, form_id: randomUUID(), command, applies: applies ? 'yes' : 'no', follows };
  return html`<form class="request stack" action="/requests" method="post">
    ${Object.entries(hidden).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    ${Object.entries(values).map(
      ([name, value]) => html`<input type="hidden" name="arg.${name}" value="${value}" />`,
    )}
    ${fields}
    <button type="submit" class="${quiet === true ? 'quiet' : ''}">${label}</button>
  </form>`;
}

/** A field with its label. The label's text is the accessible name. */
export function field(
  name: string,
  label: string,
  { type = 'text', hint = '' }: { readonly type?: 'text' | 'date'; readonly hint?: string } = {},
): Html {
  return html`<label
    >${label}
    <input
      type="${type}"
      name="arg.${name}"
      required
      maxlength="1000"
      autocomplete="off"
      placeholder="${hint}"
    />
  </label>`;
}

const STATES: Readonly<Record<RequestState, readonly [look: string, text: string]>> = {
  waiting: ['', 'waiting'],
  running: ['look', 'running'],
  done: ['good', 'done'],
  no: ['look', 'done, something is left'],
  failed: ['wrong', 'failed'],
  interrupted: ['wrong', 'interrupted'],
};

export function stateBadge({ state, applies }: Pick<StoredRequest, 'state' | 'applies'>): Html {
  const [look, text] = STATES[state];
  return html`<span class="badge ${look}">${applies ? text : `dry run: ${text}`}</span>`;
}

/** UTC, to the second. */
export function timeText(at: Date | null): Html {
  if (at === null) return html`–`;
  const text = at.toISOString();
  return html`<time datetime="${text}">${text.slice(0, 19).replace('T', ' ')}</time>`;
}

/** A text that somebody else wrote, with control characters made visible. */
export function said(text: string | null): string {
  return printable(text ?? '').replaceAll('\n', ' ');
}

interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => Html | string | number | null;
  readonly number?: boolean;
}

export function tableOf<T>(label: string, rows: readonly T[], columns: readonly Column<T>[]): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">
    <table>
      <thead>
        <tr>
          ${columns.map(({ head, number }) => html`<th scope="col" class="${number === true ? 'num' : ''}">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${columns.map(
                ({ cell, number }) =>
                  html`<td class="${number === true ? 'num' : ''}">${cell(row) ?? '–'}</td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
