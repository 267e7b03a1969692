import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { Config } from './config.ts';
import { FatalError } from './errors.ts';
import type { Metrics } from './metrics.ts';

/** What `/readyz` answers: ready, or the reason why this process does no useful work at the moment. */
export type Readiness = () => { readonly ready: true } | { readonly ready: false; readonly reason: string };

export interface HttpServer {
  /** `http://127.0.0.1:9464` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * `/healthz`: the process is alive; `/readyz`: it does useful work; `/metrics`: Prometheus text. None contains row
 * data.
 */
export async function startHttpServer(
  { HTTP_HOST: host, HTTP_PORT: port }: Pick<Config, 'HTTP_HOST' | 'HTTP_PORT'>,
  metrics: Metrics,
  readiness: Readiness,
): Promise<HttpServer> {
  const app = new Hono();
  metrics.beforeScrape(() => {
    metrics.ready.set(readiness().ready ? 1 : 0);
  });
  app.get('/healthz', (c) => c.json({ alive: true }));
  app.get('/readyz', (c) => {
    const answer = readiness();
    return c.json(answer, answer.ready ? 200 : 503);
  });
  app.get('/metrics', async (c) =>
    c.text(await metrics.scrape(), 200, { 'content-type': metrics.registry.contentType }),
  );
  const listener = getRequestListener(app.fetch);
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(portTaken(`${host}:${String(port)}`, error));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${String(actualPort)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function portTaken(address: string, cause: Error): FatalError {
  return new FatalError({
    code: 'HTTP_PORT_TAKEN',
    message: `the HTTP server cannot listen on ${address}: ${cause.message}`,
    wayOut: 'set HTTP_PORT to a free port, or to 0 for any',
    cause,
  });
}
