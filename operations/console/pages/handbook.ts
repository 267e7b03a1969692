import { readFile } from 'node:fs/promises';
import { html, raw } from 'hono/html';
import { Marked, type Tokens } from 'marked';
import { layout } from '../layout.ts';
import type { ConsoleRequest, Page } from '../page.ts';

/** Our own documents that pages link to, so that whoever is on call needs no checkout. */
const DOCUMENTS: Readonly<Record<string, string>> = {
  runbook: 'Runbook',
  doctor: 'What to do for each red check',
  errors: 'Error codes',
  'what-each-command-sees': 'What each command sees',
  limits: 'Limits',
};

export const handbookPage: Page = {
  id: 'handbook',
  path: '/handbook/runbook',
  title: 'Runbook',
  register: (app) => {
    app.get('/handbook/:name', async (c) => await show(c, c.req.param('name')));
  },
};

async function show(c: ConsoleRequest, name: string) {
  const title = DOCUMENTS[name];
  if (title === undefined) return await c.notFound();
  const text = await readFile(new URL(`../../../docs/${name}.md`, import.meta.url), 'utf8').catch(
    () => undefined,
  );
  const others = html`<nav class="tabs" aria-label="Documents">
    ${Object.entries(DOCUMENTS).map(
      ([other, label]) =>
        html`<a href="/handbook/${other}" ${other === name ? html`aria-current="page"` : ''}>${label}</a>`,
    )}
  </nav>`;
  const body =
    text === undefined
      ? html`${others}
          <p class="notice">
            This installation has no docs folder. The document is docs/${name}.md of the project.
          </p>`
      : html`${others}
          <article class="prose card">${raw(await rendered(text))}</article>`;
  return c.html(layout(c, { title, id: 'handbook', body }));
}

/** A document of ours, as HTML: the only raw HTML of the console. No value of a row is ever in it. */
async function rendered(text: string): Promise<string> {
  const taken = new Map<string, number>();
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text: heading }: Tokens.Heading) {
        // The layout has the document's first heading.
        if (depth === 1) return '';
        return `<h${String(depth)} id="${slugOf(heading, taken)}">${this.parser.parseInline(tokens)}</h${String(depth)}>\n`;
      },
      // Reachable by keyboard, because a long line scrolls.
      code({ text: code }: Tokens.Code) {
        return `<pre tabindex="0"><code>${escapeHtml(code)}</code></pre>\n`;
      },
      tablecell({ tokens, header, text: cell }: Tokens.TableCell) {
        const inner = this.parser.parseInline(tokens);
        if (header) return `<th>${inner}</th>`;
        const id = /^`([a-z][a-z-]*)`$/.exec(cell)?.[1];
        return id === undefined ? `<td>${inner}</td>` : `<td id="${id}">${inner}</td>`;
      },
      link({ href, tokens }: Tokens.Link) {
        const inner = this.parser.parseInline(tokens);
        const [, name = '', anchor = ''] = /^(?:\.\/)?([a-z-]+)\.md(#.*)?$/.exec(href) ?? [];
        if (name in DOCUMENTS) return `<a href="/handbook/${name}${anchor}">${inner}</a>`;
        return href.startsWith('#') ? `<a href="${href}">${inner}</a>` : inner;
      },
    },
  });
  return await marked.parse(text);
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** As GitHub makes them, so that links in the documents lead somewhere in both. */
function slugOf(heading: string, taken: Map<string, number>): string {
  const slug = heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
  const before = taken.get(slug) ?? 0;
  taken.set(slug, before + 1);
  return before === 0 ? slug : `${slug}-${String(before)}`;
}
