import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createSchemaLookup } from '../../lib/registry.ts';

type Answer = { readonly status: number; readonly body: unknown } | 'hang up' | 'hang up half-way';

let server: Server;
let url: string;
let requests: IncomingMessage[];
let answers: Answer[];

beforeEach(async () => {
  requests = [];
  answers = [];
  server = createServer((request, response) => {
    requests.push(request);
    // The last answer is given for ever.
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === undefined || answer === 'hang up') {
      request.socket.destroy();
      return;
    }
    if (answer === 'hang up half-way') {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"schema":', () => request.socket.destroy());
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/apis/ccompat/v7`;
  // Pauses between attempts pass at once; sockets are real.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  vi.useRealTimers();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Lets the pauses pass until the answer is there. */
async function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  let result: PromiseSettledResult<T> | undefined;
  void Promise.allSettled([promise]).then(([first]) => (result = first));
  while (result === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(10_000);
  }
  return result;
}

const schema = { type: 'record', name: 'Key', fields: [{ name: 'id', type: 'string' }] };
const found: Answer = { status: 200, body: { schema: JSON.stringify(schema) } };
const refusal = (message: string) => ({
  status: 'rejected',
  reason: {
    code: 'SCHEMA_REGISTRY',
    facts: { schemaId: 7 },
    message: expect.stringContaining(message) as unknown,
  },
});

describe('the registry', () => {
  test('is asked for the schema of an id, and its text is parsed', async () => {
    answers = [found];
    expect(await settled(createSchemaLookup({ url })(7))).toEqual({ status: 'fulfilled', value: schema });
    expect(requests.map((request) => request.url)).toEqual(['/apis/ccompat/v7/schemas/ids/7']);
  });

  test('that does not know the id: undefined, asked once', async () => {
    answers = [{ status: 404, body: { error_code: 40403 } }];
    expect(await settled(createSchemaLookup({ url })(7))).toEqual({ status: 'fulfilled', value: undefined });
    expect(requests).toHaveLength(1);
  });

  test.each([
    ['answers 500', { status: 500, body: {} }],
    ['answers 503', { status: 503, body: 'busy' }],
    ['hangs up', 'hang up'],
    ['hangs up half-way through its answer', 'hang up half-way'],
  ] as const)('that %s twice is asked a third time', async (_, fault) => {
    answers = [fault, fault, found];
    expect(await settled(createSchemaLookup({ url })(7))).toEqual({ status: 'fulfilled', value: schema });
    expect(requests).toHaveLength(3);
  });

  test('that answers 500 for ever is fatal, after seven attempts', async () => {
    answers = [{ status: 500, body: {} }];
    expect(await settled(createSchemaLookup({ url })(7))).toMatchObject(refusal('status 500'));
    expect(requests).toHaveLength(7);
  });

  test('that nobody answers for is fatal', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await settled(createSchemaLookup({ url })(7))).toMatchObject(refusal('no answer'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  test.each([
    [{ status: 401, body: {} }, 'status 401'],
    [{ status: 200, body: {} }, 'the answer holds no schema'],
    [{ status: 200, body: { schema: '{' } }, 'JSON'],
    [{ status: 200, body: 'not json' }, 'JSON'],
  ] as const)('whose answer %j is no schema is fatal at once', async (answer, message) => {
    answers = [answer];
    expect(await settled(createSchemaLookup({ url })(7))).toMatchObject(refusal(message));
    expect(requests).toHaveLength(1);
  });

  test('with a login in its address gets it as a header, and never in a message', async () => {
    answers = [{ status: 403, body: {} }];
    const withLogin = url.replace('http://', 'http://us%40er:pass%20word@');
    const answer = await settled(createSchemaLookup({ url: withLogin })(7));
    expect(requests[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('us@er:pass word').toString('base64')}`,
    );
    expect(answer).toMatchObject(refusal('status 403'));
    expect(JSON.stringify(answer)).not.toContain('pass');
  });

  test('with a slash at the end of its address is asked in the same place', async () => {
    answers = [found];
    await settled(createSchemaLookup({ url: `${url}//` })(7));
    expect(requests[0]?.url).toBe('/apis/ccompat/v7/schemas/ids/7');
  });
});
