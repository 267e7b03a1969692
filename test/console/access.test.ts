import { afterEach, describe, expect, test } from 'vitest';
import { request } from 'node:http';
import type { RunningConsole } from '../../operations/console/server.ts';
import { runConsole, TOKEN } from '../support/running-console.ts';

// No database answers here: what stands before the pages needs none.
const NOWHERE = { DATABASE_URL: 'postgres://app:secret@127.0.0.1:1/app' };
let running: RunningConsole | undefined;
afterEach(async () => {
  await running?.close();
});

async function open(settings: Readonly<Record<string, string>> = {}, actions = false): Promise<string> {
  running = await runConsole({ actions, settings: { ...NOWHERE, ...settings } });
  return running.url;
}

/** fetch sets `Host` itself. */
async function statusOf(url: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

async function post(
  url: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
) {
  return await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: new URL(url).origin, ...headers },
    body: new URLSearchParams(form),
  });
}

async function signedIn(url: string, name = 'Ada'): Promise<string> {
  const answer = await post(`${url}/sign-in`, { token: TOKEN, name });
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}

async function textOf(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  return await (await fetch(url, { headers })).text();
}

describe('the console answers', () => {
  test.each(['localhost', '127.0.0.1', 'ops.example'])('under the name %s', async (host) => {
    const url = await open({ CONSOLE_HOSTS: 'ops.example' });
    expect(await statusOf(`${url}/handbook/runbook`, { host: `${host}:${new URL(url).port}` })).toBe(200);
  });

  test.each(['evil.example', '127.0.0.1.evil.example', 'ops.example.evil'])('not under %s', async (host) => {
    const url = await open({ CONSOLE_HOSTS: 'ops.example' });
    expect(await statusOf(`${url}/handbook/runbook`, { host })).toBe(421);
  });

  test('every page, also a refusal, with a policy that lets nothing in', async () => {
    const url = await open();
    for (const path of ['/handbook/runbook', '/nowhere']) {
      const { headers } = await fetch(`${url}${path}`);
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*frame-ancestors 'none'/);
      expect([headers.get('x-content-type-options'), headers.get('cache-control')]).toEqual([
        'nosniff',
        'no-store',
      ]);
    }
  });

  test('with a sentence where a database gives no answer, and without its password', async () => {
    const url = await open();
    const answer = await fetch(`${url}/runs/6b0f7a52-3f0e-4c55-9d52-0c8f7c1f7a10`);
    expect(answer.status).toBe(503);
    const text = await answer.text();
    expect(text).toContain('DATABASE_');
    expect(text).not.toContain('secret');
    expect(await textOf(`${url}/settings`)).not.toContain('secret');
  });
});

describe('a visitor', () => {
  test('signs in with the token and a name, and out again', async () => {
    const url = await open({}, true);
    const answer = await post(`${url}/sign-in`, { token: TOKEN, name: 'Ada' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
    expect(answer.headers.get('set-cookie')).toMatch(/; Path=\/; HttpOnly; SameSite=Lax$/);
    const cookie = await signedIn(url);
    const page = await textOf(`${url}/settings`, { cookie });
    expect(page).toContain('Ada');
    const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
    expect((await post(`${url}/sign-out`, { csrf: 'x' }, { cookie })).status).toBe(403);
    expect((await post(`${url}/sign-out`, { csrf }, { cookie })).status).toBe(303);
  });

  test.each([
    ['another token', { token: 'guessed', name: 'Ada' }],
    ['no name', { token: TOKEN, name: ' \u0000 ' }],
  ])('does not sign in with %s', async (_, form) => {
    const url = await open({}, true);
    const answer = await post(`${url}/sign-in`, form);
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([403, null]);
  });

  test('is nobody with a session that another console gave, or that was changed', async () => {
    const other = await open({}, true);
    const cookie = await signedIn(other);
    await running?.close();
    const url = await open({}, true);
    expect(await textOf(`${url}/settings`, { cookie })).not.toContain('Sign out');
    const own = await signedIn(url);
    const name = Buffer.from('Eve').toString('base64url');
    expect(await textOf(`${url}/settings`, { cookie: own.replace(/=[^.]+/, `=${name}`) })).not.toContain(
      'Sign out',
    );
  });

  test('is who a trusted proxy names, and nobody by the header alone', async () => {
    const settings = { CONSOLE_IDENTITY_HEADER: 'x-person', CONSOLE_TRUSTED_PROXIES: '127.0.0.0/8' };
    const headers = { 'x-person': 'Ada of the proxy' };
    expect(await textOf(`${await open(settings)}/settings`, headers)).toContain('Ada of the proxy');
    await running?.close();
    const strange = await open({ ...settings, CONSOLE_TRUSTED_PROXIES: '10.0.0.1' });
    expect(await textOf(`${strange}/settings`, headers)).not.toContain('Ada of the proxy');
  });

  test('of another site cannot post with the visitor’s cookie', async () => {
    const url = await open({}, true);
    const cookie = await signedIn(url);
    const csrf = /name="csrf" value="([^"]+)"/.exec(await textOf(`${url}/settings`, { cookie }))?.[1] ?? '';
    const headers = { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    expect((await post(`${url}/sign-out`, { csrf }, headers)).status).toBe(403);
  });
});

test('a header without trusted proxies, and a proxy that is no address, are refused at the start', async () => {
  const header = { CONSOLE_IDENTITY_HEADER: 'x-person' };
  await expect(open(header)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await expect(open({ ...header, CONSOLE_TRUSTED_PROXIES: 'proxy.example' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  });
});

test('a port that is taken ends the command with its own code', async () => {
  const url = await open();
  await expect(
    runConsole({ settings: { ...NOWHERE, CONSOLE_PORT: new URL(url).port } }),
  ).rejects.toMatchObject({
    code: 'CONSOLE_PORT_TAKEN',
  });
});
