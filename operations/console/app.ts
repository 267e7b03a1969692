import { Hono } from 'hono';
import { getConnInfo } from '@hono/node-server/conninfo';
import { getCookie } from 'hono/cookie';
import { bodyLimit } from 'hono/body-limit';
import { csrf } from 'hono/csrf';
import { HTTPException } from 'hono/http-exception';
import { NoAnswer, within } from '../../lib/within.ts';
import { isSame, NOBODY, SESSION_COOKIE } from './access.ts';
import { failurePage, notFoundPage, refusedPage } from './failure.ts';
import type { ConsoleApp, ConsoleContext, ConsoleEnv, ConsoleRequest, Frame } from './page.ts';
import { PAGES } from './pages.ts';
import { serveStatic } from './static-files.ts';

/** No page loads, runs, frames or sends anything that does not come from the console itself. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** A page that takes longer is given up, and says so. Longer than a statement may take. */
const PAGE_MS = 8_000;
const FORM_BYTES = 65_536;

/** The pages with everything that stands before them, in this order: headers, host, visitor, forgery, time. */
export function createConsole(context: ConsoleContext): ConsoleApp {
  const { access } = context;
  const app: ConsoleApp = new Hono<ConsoleEnv>();
  const frame: Frame = {
    navigation: PAGES.filter(({ unlisted }) => unlisted !== true),
    actions: context.actions,
    signIn: access.signIn,
  };
  app.use(async (c, next) => {
    c.set('frame', frame);
    c.set('visitor', NOBODY);
    await next();
    for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value);
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store');
  });
  app.onError((error, c) => failed(error, c, context));
  app.notFound((c) => c.html(notFoundPage(c), 404));
  app.use(async (c, next) => {
    if (!access.hosts.has(hostOf(c))) throw new HTTPException(421);
    await next();
  });
  serveStatic(app);
  app.use(async (c, next) => {
    c.set(
      'visitor',
      access.visitor({
        session: getCookie(c, SESSION_COOKIE),
        header: (name) => c.req.header(name),
        remoteAddress: getConnInfo(c).remote.address,
      }),
    );
    await next();
  });
  app.use(bodyLimit({ maxSize: FORM_BYTES }));
  // Behind a proxy that ends TLS, the scheme of `Origin` is not ours. The host is checked already.
  app.use(
    csrf({ origin: (origin, c) => URL.canParse(origin) && new URL(origin).host === c.req.header('host') }),
  );
  app.use(refuseForgery);
  app.use(async (c, next) => {
    if (c.req.path.startsWith('/live/')) await next();
    else await within(PAGE_MS, next);
  });
  for (const { register } of PAGES) register(app, context);
  return app;
}

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Without the port, as in `access.hosts`. */
function hostOf(c: ConsoleRequest): string {
  return (c.req.header('host') ?? '').toLowerCase().replace(/:\d+$/, '');
}

/** Every change comes from a form that we gave to this person. Signing in has the token instead. */
async function refuseForgery(c: ConsoleRequest, next: () => Promise<void>): Promise<void> {
  if (!['GET', 'HEAD'].includes(c.req.method) && c.req.path !== '/sign-in') {
    const { csrf: wanted } = c.get('visitor');
    const given = (await c.req.parseBody())['csrf'];
    if (wanted === '' || typeof given !== 'string' || !isSame(given, wanted)) throw new HTTPException(403);
  }
  await next();
}

function failed(error: Error, c: ConsoleRequest, { logger }: ConsoleContext): Response | Promise<Response> {
  if (error instanceof HTTPException) return c.html(refusedPage(c, error.status), error.status);
  const { page, status } = failurePage(c, error instanceof NoAnswer ? undefined : error);
  if (status === 500) logger.error({ err: error, path: c.req.path }, 'a page of the console failed');
  return c.html(page, status);
}
