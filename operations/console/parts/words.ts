import { html } from 'hono/html';
import { oneLine } from '../../../lib/printable.ts';
import { spanText } from '../../../lib/figures.ts';
import type { Html } from '../layout.ts';
import type { Visitor } from '../access.ts';

/** How a state looks. Colour is never alone: a word stands in every badge. */
export type Tone = 'good' | 'look' | 'wrong' | 'unknown';

export function badge(tone: Tone, text: string): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

export const NONE = '–';

/** A value of a row as text of one line; an escape stands for each character that is invisible or changes the direction. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return NONE;
  return oneLine(typeof value === 'string' ? value : JSON.stringify(value));
}

/** The same, for values that only some visitors may see. */
export function guarded(visitor: Visitor, value: unknown): Html | string {
  if (visitor.seesValues || value === null || value === undefined) return shown(value);
  return html`<span class="soft">hidden: <a href="/sign-in">sign in</a> to see it</span>`;
}

/** A time with its date, in UTC, and how long ago it was. */
export function moment(iso: string | Date | null | undefined, now = Date.now()): Html | string {
  if (iso === null || iso === undefined) return NONE;
  const at = iso instanceof Date ? iso : new Date(iso);
  if (Number.isNaN(at.getTime())) return shown(String(iso));
  const text = at.toISOString();
  const seconds = (now - at.getTime()) / 1000;
  const ago = seconds >= 0 ? `${spanText(seconds)} ago` : `in ${spanText(-seconds)}`;
  return html`<time datetime="${text}">${text.slice(0, 19).replace('T', ' ')}</time>
    <span class="soft">UTC, ${ago}</span>`;
}

export function runLink(id: string | null | undefined): Html | string {
  return id === null || id === undefined ? NONE : html`<a class="mono" href="/runs/${id}">${id}</a>`;
}

/** A sentence of ours, in which `commands` stand in backquotes as in the terminal. */
export function prose(text: string): Html {
  return html`${shown(text)
    .split('`')
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}
