import { createLogger } from '../../lib/log.ts';
import { loadConfig } from '../../lib/config.ts';
import { startConsole, type RunningConsole } from '../../operations/console/server.ts';

const TOKEN = 'a token for tests, long enough';

export interface Visited {
  readonly url: string;
  readonly logged: readonly string[];
  /** GET as a person who is signed in under that name; null: as nobody. */
  page(path: string, person?: string | null): Promise<{ status: number; text: string }>;
  /** Sends the form on a page whose button says this, with these fields. Returns the id of the request. */
  send(path: string, button: string, fields?: Readonly<Record<string, string>>): Promise<string>;
  /** A POST as it stands, signed in or not. */
  post(fields: Readonly<Record<string, string>>, person?: string | null): Promise<Response>;
  close(): Promise<void>;
}

/** A console in this process, and somebody who uses it without JavaScript. */
export async function visitConsole(
  settings: Readonly<Record<string, string>>,
  { actions = true }: { readonly actions?: boolean } = {},
): Promise<Visited> {
  const stop = new AbortController();
  const logged: string[] = [];
  const running: RunningConsole = await startConsole({
    config: loadConfig({ CONSOLE_PORT: '0', ...settings }, undefined, ['DATABASE_URL']),
    settings: [],
    actions,
    stop: stop.signal,
    token: TOKEN,
    logger: createLogger('info', (line) => logged.push(line)),
  });
  const { url } = running;
  const cookies = new Map<string, string>();
  const cookieOf = async (person: string): Promise<string> => {
    const known = cookies.get(person);
    if (known !== undefined) return known;
    const answer = await fetch(`${url}/sign-in`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: url },
      body: new URLSearchParams({ token: TOKEN, name: person }),
    });
    const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
    cookies.set(person, cookie);
    return cookie;
  };
  const headersOf = async (person: string | null) => ({
    origin: url,
    ...(person !== null && actions && { cookie: await cookieOf(person) }),
  });
  const page: Visited['page'] = async (path, person = 'Ada') => {
    const answer = await fetch(url + path, { headers: await headersOf(person) });
    return { status: answer.status, text: await answer.text() };
  };
  const post: Visited['post'] = async (fields, person = 'Ada') =>
    await fetch(`${url}/requests`, {
      method: 'POST',
      redirect: 'manual',
      headers: await headersOf(person),
      body: new URLSearchParams(fields),
    });
  return {
    url,
    logged,
    page,
    post,
    send: async (path, button, fields = {}) => {
      const { text } = await page(path);
      const form = formsIn(text).find(({ label }) => label === button);
      if (form === undefined) throw new Error(`${path} has no button ${button}`);
      const answer = await post({ ...form.hidden, ...fields });
      const id = /^\/requests\/(\d+)$/.exec(answer.headers.get('location') ?? '')?.[1];
      if (id === undefined) throw new Error(`${String(answer.status)}: ${await answer.text()}`);
      return id;
    },
    close: async () => {
      stop.abort();
      await running.close();
    },
  };
}

export interface Form {
  readonly label: string;
  readonly hidden: Readonly<Record<string, string>>;
}

/** The forms that ask for something. */
export function formsIn(page: string): Form[] {
  return [...page.matchAll(/<form class="request[^]*?<\/form>/g)].map(([form]) => ({
    label: (/<button[^>]*>([^]*?)<\/button>/.exec(form)?.[1] ?? '').replaceAll(/\s+/g, ' ').trim(),
    hidden: Object.fromEntries(
      [...form.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [
        name,
        value,
      ]),
    ) as Record<string, string>,
  }));
}
