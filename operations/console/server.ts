import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { FatalError } from '../../lib/errors.ts';
import { createPool } from '../../lib/postgres.ts';
import type { Bounds } from '../../lib/postgres-session.ts';
import { createConsole } from './app.ts';
import { RequestWorker } from '../requests/worker.ts';
import { Looks } from './looks.ts';
import type { ConsoleContext } from './page.ts';
import { createAccess, type Access } from './access.ts';

export interface ConsoleOptions extends Pick<
  ConsoleContext,
  'config' | 'settings' | 'actions' | 'logger' | 'stop'
> {
  /** Replaces the random token of the sign-in; for tests. */
  readonly token?: string;
}

export interface RunningConsole {
  /** `http://127.0.0.1:9465` */
  readonly url: string;
  /** Signs in whoever opens it and gives a name; null if nobody signs in with a token. */
  readonly signInUrl: string | null;
  close(): Promise<void>;
}

/** A page that is slower says so. The database then has its connection back, whatever the page asked. */
export const PAGE_BOUNDS: Bounds = { statementMs: 5_000, lockMs: 1_000, answerAfterMs: 1_000 };
/** Per database. A visitor waits for a connection; the server's other clients never do. */
const CONNECTIONS = 3;

/** Serves the console until it is closed. It needs no database at the start: a page names the one that gives no answer. */
export async function startConsole({ token, ...options }: ConsoleOptions): Promise<RunningConsole> {
  const { config, logger } = options;
  const pool = (setting: 'DATABASE_URL' | 'LEGACY_DATABASE_URL') =>
    createPool({
      url: config[setting] ?? '',
      name: 'history-cdc console',
      connections: CONNECTIONS,
      bounds: PAGE_BOUNDS,
      setting,
    });
  const [canonical, legacy] = [pool('DATABASE_URL'), pool('LEGACY_DATABASE_URL')];
  const looks = new Looks(config, canonical);
  const access = createAccess(config, { actions: options.actions, token });
  const worker = options.actions ? new RequestWorker({ config, logger }) : undefined;
  worker?.start();
  const wake = worker?.wake ?? (() => undefined);
  const app = createConsole({ ...options, canonical, legacy, looks, access, wake });
  const server = createServer((request, response) => void listener(request, response));
  const listener = getRequestListener(app.fetch);
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await Promise.all([worker?.stop(), looks.close(), canonical.end(), legacy.end()]);
  };
  try {
    const url = await listening(server, config.CONSOLE_HOST, config.CONSOLE_PORT);
    logger.info({ url }, 'the console is served');
    return { url, signInUrl: signInUrlOf(url, access), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function signInUrlOf(url: string, { signIn, token }: Access): string | null {
  return signIn === 'token' ? `${url}/sign-in?token=${token}` : null;
}

async function listening(
  server: ReturnType<typeof createServer>,
  host: string,
  port: number,
): Promise<string> {
  const name = host.includes(':') ? `[${host}]` : host;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new FatalError({
          code: 'CONSOLE_PORT_TAKEN',
          message: `the console cannot listen on ${name}:${String(port)}: ${cause.message}`,
          wayOut: 'set CONSOLE_PORT to a free port, or to 0 for any',
          cause,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return `http://${name}:${String(typeof address === 'object' && address !== null ? address.port : port)}`;
}
