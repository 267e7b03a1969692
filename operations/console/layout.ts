import { html } from 'hono/html';
import { RELEASE } from '../../lib/release.ts';
import type { ConsoleRequest } from './page.ts';
import { STATIC } from './static-files.ts';

/** A piece of a page. Every value that is put into it is escaped, unless it is such a piece itself. */
export type Html = ReturnType<typeof html>;

export interface PageContent {
  readonly title: string;
  /** Id of the entry in the navigation that the page belongs to. */
  readonly id: string;
  readonly body: Html;
  /** Stands beside the heading: a badge, a time, a form. */
  readonly aside?: Html | undefined;
}

/** A whole page: its content within navigation, search and sign-in. */
export function layout(c: ConsoleRequest, { title, id, body, aside }: PageContent): Html {
  const { navigation } = c.get('frame');
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="htmx-config" content='{"includeIndicatorCSS": false, "history": false}' />
        <title>${title} · history-cdc</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${STATIC.style.path}" />
        <script src="${STATIC.htmx.path}" defer></script>
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header class="top">
          <a class="brand" href="/">history<span>-cdc</span></a>
          <form class="find" action="/go" method="get" role="search">
            <input
              type="search"
              name="q"
              aria-label="Find a run by the id of its legacy row or canonical row, or agents by URL, organisation or user"
              placeholder="Id of a run, or a part of an agent’s URL"
              autocomplete="off"
              spellcheck="false"
              maxlength="200"
            />
            <button type="submit">Find</button>
          </form>
          ${visitorPart(c)}
        </header>
        <nav class="side" aria-label="Pages">
          <ul>
            ${navigation.map(
              (entry) =>
                html`<li>
                  <a href="${entry.path}" ${entry.id === id ? html`aria-current="page"` : ''}
                    >${entry.title}</a
                  >
                </li>`,
            )}
          </ul>
          <p class="release">release ${RELEASE}</p>
        </nav>
        <main id="content" tabindex="-1">
          <div class="heading">
            <h1>${title}</h1>
            ${aside ?? ''}
          </div>
          ${body}
        </main>
      </body>
    </html>`;
}

function visitorPart(c: ConsoleRequest): Html {
  const { signIn, actions } = c.get('frame');
  const { person, csrf } = c.get('visitor');
  if (signIn === 'none') return html`<p class="visitor">read only</p>`;
  if (person === null) {
    return signIn === 'token'
      ? html`<p class="visitor"><a href="/sign-in">Sign in</a></p>`
      : html`<p class="visitor">not signed in: the proxy names nobody</p>`;
  }
  return html`<div class="visitor">
    <span>${person}${actions ? '' : ', read only'}</span>
    ${
      signIn === 'token'
        ? html`<form action="/sign-out" method="post">
            <input type="hidden" name="csrf" value="${csrf}" /><button type="submit" class="quiet">
              Sign out
            </button>
          </form>`
        : ''
    }
  </div>`;
}
