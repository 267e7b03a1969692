import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import { ConnectRest } from '../../connectors/deploy/connect-rest.ts';
import { FatalError } from '../../lib/errors.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server that answers as Connect does in moments that a real one cannot be brought into at will. */
async function answering(handler: Handler): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const json = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

async function failure(work: Promise<unknown>): Promise<FatalError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof FatalError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test.each([
  [409, 'rebalance in process'],
  [500, 'Request cannot be completed because a rebalance is expected'],
])('a rebalance, told with %d, is waited for', async (status, message) => {
  let asked = 0;
  const address = await answering((_, response) => {
    asked += 1;
    if (asked < 3) json(response, status, { error_code: status, message });
    else json(response, 200, { name: 'c' });
  });
  const client = new ConnectClient({ url: `http://${address}`, secrets: [] });
  expect(await client.config('c')).toEqual({ name: 'c' });
  expect(asked).toBe(3);
});

test('another failure of Connect is told as it is', async () => {
  const address = await answering((_, response) => {
    json(response, 500, { error_code: 500, message: 'no leader' });
  });
  const error = await failure(new ConnectClient({ url: `http://${address}`, secrets: [] }).config('c'));
  expect(error).toMatchObject({ code: 'CONNECTOR_REJECTED', facts: { status: 500 } });
});

test('a connector that is not there has no configuration', async () => {
  const address = await answering((_, response) => {
    json(response, 404, { error_code: 404, message: 'Connector c not found' });
  });
  const client = new ConnectClient({ url: `http://${address}`, secrets: [] });
  expect(await client.config('c')).toBeUndefined();
  expect((await failure(client.pause('c'))).code).toBe('CONNECTOR_ABSENT');
});

test('a worker that is still starting answers 404 to everything: nothing follows for the connector', async () => {
  const address = await answering((_, response) => {
    json(response, 404, { url: '/', status: '404', message: 'Not Found' });
  });
  const client = new ConnectClient({ url: `http://${address}`, secrets: [] });
  expect((await failure(client.config('c'))).code).toBe('CONNECT_UNREACHABLE');
  expect((await failure(client.restart('c'))).code).toBe('CONNECT_UNREACHABLE');
  expect((await failure(client.plugins())).code).toBe('CONNECT_UNREACHABLE');
});

test.each([
  [400, 'a rebalance is expected'],
  [500, 'it was expected'],
])('%d "%s" is no rebalance: it is asked once', async (status, message) => {
  let asked = 0;
  const address = await answering((_, response) => {
    asked += 1;
    json(response, status, { error_code: status, message });
  });
  const client = new ConnectClient({ url: `http://${address}`, secrets: [] });
  expect((await failure(client.config('c'))).code).toBe('CONNECTOR_REJECTED');
  expect(asked).toBe(1);
});

test('what is no JSON is told as it came', async () => {
  const address = await answering((_, response) => {
    response.writeHead(502).end('Bad Gateway');
  });
  const error = await failure(new ConnectClient({ url: `http://${address}`, secrets: [] }).config('c'));
  expect(error.message).toBe('Kafka Connect answered 502 to GET /connectors/c/config: Bad Gateway');
});

test('the clock of a worker is that of its answers, where they have one', async () => {
  const address = await answering((request, response) => {
    response.sendDate = false;
    if (request.headers.authorization !== undefined)
      response.setHeader('date', 'Sat, 28 Nov 2026 03:00:00 GMT');
    json(response, 200, {});
  });
  const clock = (login: string) =>
    new ConnectClient({ url: `http://${login}${address}`, secrets: [] }).clock();
  expect(await clock('u:p@')).toEqual(new Date('2026-11-28T03:00:00Z'));
  expect(await clock('')).toBeUndefined();
});

test('a configuration goes out as the JSON that it is, in UTF-8', async () => {
  const received: { type: string | undefined; body: unknown }[] = [];
  const address = await answering((request, response) => {
    void text(request).then((sent) => {
      received.push({ type: request.headers['content-type'], body: JSON.parse(sent) });
      json(response, 200, {});
    });
  });
  const client = new ConnectClient({ url: `http://${address}`, secrets: [] });
  await client.putConfig('c', { name: 'Überprüfung' });
  expect(received).toEqual([{ type: 'application/json', body: { name: 'Überprüfung' } }]);
});

test('what cannot be reached loses the secrets in its message, and names TLS where that is it', async () => {
  const address = await answering(() => undefined);
  const url = `https://${address}`;
  const rest = new ConnectRest({ url, secrets: ['hunter2'] });
  expect(rest.unreachable(new Error('no hunter2 here')).message).toContain('no *** here');
  const handshake = Object.assign(new Error('x'), { code: 'CERT_UNTRUSTED' });
  expect(rest.unreachable(handshake).wayOut).toContain('CONNECT_CA_FILE');
});

test('a refusal keeps what Connect says and loses the secrets in it', async () => {
  const address = await answering((_, response) => {
    json(response, 400, { error_code: 400, message: 'cannot use hunter2 there' });
  });
  const client = new ConnectClient({ url: `http://${address}`, secrets: ['hunter2'] });
  const error = await failure(client.putConfig('c', {}));
  expect(error.code).toBe('CONNECTOR_REJECTED');
  expect(error.message).toContain('cannot use *** there');
});

test('validation gives the settings with errors only, and no values', async () => {
  const address = await answering((_, response) => {
    json(response, 200, {
      configs: [
        { value: { name: 'fine', value: 'hunter2', errors: [] } },
        { value: { name: 'database.hostname', value: 'hunter2', errors: ['no hunter2 there'] } },
      ],
    });
  });
  const client = new ConnectClient({ url: `http://${address}`, secrets: ['hunter2'] });
  expect(await client.validate({ 'connector.class': 'a.B' })).toEqual([
    { key: 'database.hostname', errors: ['no *** there'] },
  ]);
});

test('credentials of the address go into a header, and into no message', async () => {
  let authorization: string | undefined;
  const address = await answering((request, response) => {
    ({ authorization } = request.headers);
    json(response, 500, { error_code: 500, message: `out of order for ${authorization ?? ''}` });
  });
  const client = new ConnectClient({ url: `http://user:p%40ss@${address}`, secrets: [] });
  const error = await failure(client.status('c'));
  expect(authorization).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  expect(`${error.message} ${error.wayOut}`).not.toMatch(/p@ss|p%40ss/);
  expect(error.message).toContain('out of order for Basic ***');
});

test('a Connect that does not answer is told from one that refuses', async () => {
  const address = await answering(() => undefined);
  for (const server of servers) server.close();
  const error = await failure(new ConnectClient({ url: `http://${address}`, secrets: [] }).config('c'));
  expect(error.code).toBe('CONNECT_UNREACHABLE');
  expect(error.message).toContain('ECONNREFUSED');
});
