import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import { FatalError } from '../../consumers/lib/errors.ts';

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
    json(response, 500, { error_code: 500, message: 'out of order' });
  });
  const client = new ConnectClient({ url: `http://user:p%40ss@${address}`, secrets: [] });
  const error = await failure(client.status('c'));
  expect(authorization).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  expect(`${error.message} ${error.wayOut}`).not.toMatch(/p@ss|p%40ss/);
  expect(error.message).toContain('out of order');
});

test('a Connect that does not answer is told from one that refuses', async () => {
  const address = await answering(() => undefined);
  for (const server of servers) server.close();
  const error = await failure(new ConnectClient({ url: `http://${address}`, secrets: [] }).config('c'));
  expect(error.code).toBe('CONNECT_UNREACHABLE');
  expect(error.message).toContain('ECONNREFUSED');
});
