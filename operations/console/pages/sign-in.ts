import { html } from 'hono/html';
import { deleteCookie, setCookie } from 'hono/cookie';
import { nameIn, SESSION_COOKIE, SESSION_SECONDS } from '../access.ts';
import { layout } from '../layout.ts';
import type { ConsoleRequest, Page } from '../page.ts';

/** A name and the token that was printed at the start make a session of twelve hours. */
export const signInPage: Page = {
  id: 'sign-in',
  path: '/sign-in',
  title: 'Sign in',
  unlisted: true,
  register: (app, { access }) => {
    if (access.signIn !== 'token') return;
    app.get('/sign-in', (c) => c.html(form(c, { token: c.req.query('token') ?? '', name: '', wrong: null })));
    app.post('/sign-in', async (c) => {
      const { token = '', name = '' } = await c.req.parseBody<Record<string, string>>();
      const person = nameIn(name);
      if (!access.isToken(token) || person === null) {
        const wrong = person === null ? 'Give your name.' : 'This is not the token that the console printed.';
        return c.html(form(c, { token: '', name, wrong }), 403);
      }
      setCookie(c, SESSION_COOKIE, access.sessionOf(person), {
        httpOnly: true,
        sameSite: 'Lax',
        path: '/',
        maxAge: SESSION_SECONDS,
      });
      return c.redirect('/', 303);
    });
    app.post('/sign-out', (c) => {
      deleteCookie(c, SESSION_COOKIE, { path: '/' });
      return c.redirect('/', 303);
    });
  },
};

interface Form {
  readonly token: string;
  readonly name: string;
  readonly wrong: string | null;
}

function form(c: ConsoleRequest, { token, name, wrong }: Form) {
  const body = html`<form class="card narrow stack" action="/sign-in" method="post">
    ${wrong === null ? '' : html`<p class="notice wrong" role="alert">${wrong}</p>`}
    <label
      >Your name, as the log of actions will show it
      <input name="name" value="${name}" autocomplete="name" required maxlength="100" />
    </label>
    <label
      >Token, as <code>history-cdc console</code> printed it
      <input name="token" type="password" value="${token}" autocomplete="off" required maxlength="200" />
    </label>
    <button type="submit" class="primary">Sign in</button>
  </form>`;
  return layout(c, { title: 'Sign in', id: 'sign-in', body });
}
