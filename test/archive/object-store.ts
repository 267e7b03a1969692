import { randomBytes } from 'node:crypto';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { s3Target, type S3Settings } from '../../operations/archive/s3-target.ts';
import type { Target } from '../../operations/archive/target.ts';
import { startStack, type RunningStack } from '../../stack/stack.ts';
import { BUCKET } from '../../stack/state.ts';

/** What becomes of a request that a test names: an answer of the store's kind, or a cut after so many bytes of the answer. */
export type Fault =
  | { readonly status: number; readonly code: string; readonly times?: number }
  | { readonly cutAfter: number; readonly times?: number }
  | { readonly loseAnswer: true; readonly times?: number };

export interface ObjectStore {
  /** Of the real server, and by way of the proxy. */
  readonly url: string;
  readonly proxyUrl: string;
  /** `POST /key?uploads` as it stands in the request line. */
  readonly requests: string[];
  /** Meets the next requests whose line matches, as often as it says; without `times`, all of them. */
  breakAt(line: RegExp, fault: Fault): void;
  mend(): void;
  target(more?: Partial<S3Settings>): Promise<Target>;
}

export function useObjectStore(): () => ObjectStore {
  let stack: RunningStack | undefined;
  let proxy: Proxy | undefined;
  const opened: Target[] = [];
  beforeAll(async () => {
    stack = await startStack({
      environment: process.env,
      name: `test-s3-${randomBytes(4).toString('hex')}`,
      components: ['s3'],
      unsafeFast: true,
      owned: true,
      onProgress: () => undefined,
    });
    proxy = await startProxy(stack.addresses.s3Url);
  });
  afterAll(async () => {
    for (const target of opened) target.close();
    await proxy?.close();
    await stack?.stop({ purge: true });
  });
  return () => {
    if (stack === undefined || proxy === undefined) throw new Error('the object store is not there yet');
    const { url, requests, breakAt, mend } = proxy;
    return {
      url: stack.addresses.s3Url,
      proxyUrl: url,
      requests,
      breakAt,
      mend,
      target: async (more = {}) => {
        const target = await s3Target({
          bucket: BUCKET,
          prefix: randomBytes(6).toString('hex'),
          endpoint: url,
          region: undefined,
          unsigned: true,
          attempts: 3,
          objects: { encryption: 'AES256', kmsKey: undefined, storageClass: undefined, lock: undefined },
          ...more,
        });
        opened.push(target);
        return target;
      },
    };
  };
}

interface Proxy extends Pick<ObjectStore, 'requests' | 'breakAt' | 'mend'> {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Stands in front of the real object store, and breaks what a test names. */
async function startProxy(upstream: string): Promise<Proxy> {
  const requests: string[] = [];
  let armed: { line: RegExp; fault: Fault; left: number } | undefined;
  const server = createServer((incoming, answer) => {
    const line = `${incoming.method ?? ''} ${incoming.url ?? ''}`;
    requests.push(line);
    const meets = armed !== undefined && armed.left > 0 && armed.line.test(line) ? armed : undefined;
    if (meets !== undefined) meets.left--;
    if (meets !== undefined && 'status' in meets.fault) refuse(incoming, answer, meets.fault);
    else forward(upstream, incoming, { answer, fault: meets?.fault });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests,
    breakAt: (line, fault) => {
      armed = { line, fault, left: fault.times ?? Infinity };
    },
    mend: () => {
      armed = undefined;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(
  incoming: IncomingMessage,
  answer: ServerResponse,
  { status, code }: { status: number; code: string },
) {
  incoming.resume();
  incoming.on('end', () => {
    answer.writeHead(status, { 'content-type': 'application/xml' });
    answer.end(
      incoming.method === 'HEAD'
        ? undefined
        : `<Error><Code>${code}</Code><Message>a test says so</Message></Error>`,
    );
  });
}

function forward(
  upstream: string,
  incoming: IncomingMessage,
  { answer, fault }: { answer: ServerResponse; fault: Fault | undefined },
): void {
  const { method, headers } = incoming;
  const out = request(`${upstream}${incoming.url ?? ''}`, { method, headers }, (reply) => {
    if (fault !== undefined && 'loseAnswer' in fault) {
      reply.resume();
      reply.on('end', () => incoming.socket.destroy());
      return;
    }
    answer.writeHead(reply.statusCode ?? 500, reply.headers);
    let left = fault !== undefined && 'cutAfter' in fault ? fault.cutAfter : Infinity;
    reply.on('data', (chunk: Buffer) => {
      answer.write(chunk.subarray(0, Math.max(left, 0)));
      left -= chunk.length;
      if (left < 0) setImmediate(() => incoming.socket.destroy());
    });
    reply.on('end', () => answer.end());
  });
  out.on('error', () => incoming.socket.destroy());
  incoming.pipe(out);
}
