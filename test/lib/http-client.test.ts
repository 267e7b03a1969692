import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import { FatalError } from '../../lib/errors.ts';
import { HttpClient, type Endpoint } from '../../lib/http-client.ts';
import { createSchemaLookup } from '../../lib/registry.ts';
import { temporaryFolder } from '../support/folder.ts';
import { selfSigned } from '../support/self-signed.ts';

const SETTINGS = { address: 'CONNECT_URL', token: 'CONNECT_TOKEN', ca: 'CONNECT_CA_FILE' } as const;
const TOKEN = 'token-never-to-be-seen';
const PASSWORD = 'p@ss:never-to-be-seen';
const BASIC = `Basic ${Buffer.from(`us er:${PASSWORD}`).toString('base64')}`;

let server: Server;
let host: string;

/** Lets the token in and the user; says 403 to a user who is known, and repeats what it was told to all others. */
beforeAll(async () => {
  server = createServer((request, response) => {
    const { authorization = 'nobody' } = request.headers;
    const known = [`Bearer ${TOKEN}`, BASIC].includes(authorization);
    const status = known ? 200 : authorization.startsWith('Basic') ? 403 : 401;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ message: `it was ${authorization}`, schema: '"string"' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
afterAll(() => {
  server.close();
});

const ask = (endpoint: Endpoint) =>
  new HttpClient(endpoint, SETTINGS).ask({ method: 'GET', path: '/', timeoutMs: 5_000 });
const login = (password: string) => `us%20er:${encodeURIComponent(password)}@`;

test.each([
  ['a bearer token', () => ({ url: `http://${host}`, token: TOKEN }), `Bearer ${TOKEN}`],
  ['user and password', () => ({ url: `http://${login(PASSWORD)}${host}` }), BASIC],
  ['the token before the user', () => ({ url: `http://u:p@${host}`, token: TOKEN }), `Bearer ${TOKEN}`],
])('it lets %s in', async (_, endpoint, header) => {
  const { status, text } = await ask(endpoint());
  expect([status, text]).toEqual([200, expect.stringContaining(`it was ${header}`)]);
});

test.each([
  ['nobody', {}, 'put user:password@ into CONNECT_URL, or set CONNECT_TOKEN'],
  ['a wrong token', { token: 'wrong-token' }, 'put user:password@ into CONNECT_URL, or set CONNECT_TOKEN'],
  ['one who may not', { login: login('wrong-word') }, 'CONNECT_URL or CONNECT_TOKEN'],
])('Connect refuses %s, and the settings are named, not their values', async (_, given, wayOut) => {
  const { login: user = '', token } = given as { login?: string; token?: string };
  const client = new ConnectClient({ url: `http://${user}${host}`, token, secrets: [] });
  const error = await client.worker().catch((thrown: unknown) => thrown);
  if (!(error instanceof FatalError)) throw new Error('it was let in');
  expect([error.code, error.wayOut]).toEqual(['CONNECT_REFUSED', expect.stringContaining(wayOut)]);
  expect(error.message + error.wayOut).not.toMatch(/wrong|Basic|Bearer/);
});

test('the registry refuses a wrong token, at once, and is told a good one', async () => {
  const url = `http://${host}`;
  const error = await createSchemaLookup({ url, token: 'wrong-token' })(1).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'SCHEMA_REGISTRY' });
  const { message, wayOut } = error as FatalError;
  expect(wayOut).toContain('put user:password@ into SCHEMA_REGISTRY_URL, or set SCHEMA_REGISTRY_TOKEN');
  expect(message + wayOut).not.toContain('wrong-token');
  expect(await createSchemaLookup({ url, token: TOKEN })(1)).toBe('string');
});

test.each([
  ['the token', { token: TOKEN }, TOKEN],
  ['the password', { login: login(PASSWORD) }, PASSWORD],
  ['the password as it stands in the address', { login: login(PASSWORD) }, encodeURIComponent(PASSWORD)],
  ['user and password as they are sent', { login: login(PASSWORD) }, BASIC.slice('Basic '.length)],
])('%s is struck out of what others wrote, each time', (_, given, secret) => {
  const { login: user = '', token } = given as { login?: string; token?: string };
  const client = new HttpClient({ url: `http://${user}${host}/`, token }, SETTINGS);
  expect(client.redact(`it was ${secret}, ${secret}`)).toBe('it was ***, ***');
  expect(client.base).toBe(`http://${host}`);
  expect(client.secrets).not.toContain('');
});

test('without credentials nothing is struck out', () => {
  expect(new HttpClient({ url: `http://${host}` }, SETTINGS).redact('as it is')).toBe('as it is');
});

test('an authority that cannot be read is named by its setting', () => {
  const attempt = () => new HttpClient({ url: `https://${host}`, caFile: '/nonexistent/ca.pem' }, SETTINGS);
  expect(attempt).toThrow(/the file of CONNECT_CA_FILE cannot be read/);
});

test('a server of TLS is asked where its authority is the one that is named, and no other', async () => {
  const [ours, another] = [selfSigned('ours'), selfSigned('another')];
  const secure = createTlsServer(ours, (_, response) => response.end('let in'));
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void secure.close());
  const url = `https://127.0.0.1:${String((secure.address() as AddressInfo).port)}`;
  const folder = temporaryFolder();
  const fileOf = (name: string, text: string) => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  expect(await ask({ url, caFile: fileOf('ours.pem', ours.cert) })).toMatchObject({ text: 'let in' });
  for (const caFile of [fileOf('another.pem', another.cert), undefined]) {
    const error = await ask({ url, caFile }).catch((thrown: unknown) => thrown);
    const wayOut = new HttpClient({ url }, SETTINGS).wayIn({ error });
    expect(wayOut).toContain('set CONNECT_CA_FILE');
  }
});

test('an address of TLS at a server without is named as such', async () => {
  const error = await ask({ url: `https://${host}` }).catch((thrown: unknown) => thrown);
  const client = new HttpClient({ url: `https://${host}` }, SETTINGS);
  expect(client.wayIn({ error })).toContain('the server at CONNECT_URL');
});
