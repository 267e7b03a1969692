import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const KEY = Buffer.from('thirty-two bytes, as a test key.');
export const SECRET = `whsec_${KEY.toString('base64')}`;

export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly path: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** How the next requests are answered, in their order; then with 204. */
  readonly answers: ((response: ServerResponse) => void)[];
  close(): Promise<void>;
  /** Listens again on the same port. */
  open(): Promise<void>;
}

/** A small HTTP server of somebody else. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers: ((response: ServerResponse) => void)[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { headers, url: path = '' } = request;
      received.push({
        id: String(headers['webhook-id']),
        headers,
        body: Buffer.concat(chunks).toString(),
        path,
      });
      const answer = answers.shift() ?? status(204);
      answer(response);
    });
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}/hook`,
    received,
    answers,
    open: () => listen(port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

export function status(
  code: number,
  headers: Record<string, string> = {},
): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(code, headers).end('the text of the receiver');
  };
}

/** The signature as a receiver computes it, from what it got. */
export function expectedSignature({ headers, body }: Received, key = KEY): string {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}
