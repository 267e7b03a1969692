import { afterEach, beforeEach, expect, test } from 'vitest';
import { restMs } from '../../operations/webhook/deliver.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { expectedSignature, KEY, SECRET, startReceiver, status, type Receiver } from './receiver.ts';

let receiver: Receiver;

beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
});

function settings(url = receiver.url): Record<string, string> {
  return { WEBHOOK_URL: url, WEBHOOK_SECRET: SECRET };
}

test('`webhook test` says what the receiver answered, and shows neither path nor password', async () => {
  const url = receiver.url
    .replace('http://', 'http://user:pass-marker@')
    .replace('/hook', '/path-marker?t=query-marker');
  const good = await runInProcess(['webhook', 'test', '--json'], settings(url));
  expect(good.code).toBe(0);
  expect(JSON.parse(good.stdout)).toMatchObject({ status: 204, failure: null });
  expect(receiver.received[0]?.path).toBe('/path-marker?t=query-marker');
  expect(receiver.received[0]?.headers.authorization).toMatch(/^Basic /);
  receiver.answers.push(status(410));
  const gone = await runInProcess(['webhook', 'test'], settings(url));
  expect(gone.code).toBe(1);
  const config = await runInProcess(['config'], settings(url));
  for (const { stdout, stderr } of [good, gone, config]) {
    expect(stdout + stderr).not.toMatch(/marker/);
    expect(stdout + stderr).not.toContain(SECRET.slice(6));
  }
});

test('during a change of keys, each message has a signature of each', async () => {
  const other = Buffer.alloc(32, 7);
  const both = `${SECRET} whsec_${other.toString('base64')}`;
  await runInProcess(['webhook', 'test'], { ...settings(), WEBHOOK_SECRET: both });
  const [message] = receiver.received;
  if (message === undefined) throw new Error('nothing was received');
  const signatures = [KEY, other].map((key) => expectedSignature(message, key));
  expect(message.headers['webhook-signature']).toBe(signatures.join(' '));
});

test.each([
  ['no secret', { WEBHOOK_SECRET: '' }],
  ['a secret that is no key', { WEBHOOK_SECRET: 'secret' }],
  ['a key that is too short', { WEBHOOK_SECRET: 'whsec_c2hvcnQ=' }],
  ['an address that is no URL of http', { WEBHOOK_URL: 'ftp://host/' }],
])('is refused with %s', async (_, wrong) => {
  const { code, stderr } = await runInProcess(['webhook', 'test', '--json'], { ...settings(), ...wrong });
  expect(code).toBe(2);
  expect(stderr).toContain('CONFIG_INVALID');
});

test('the rest between attempts grows to a quarter of an hour', () => {
  expect([1, 2, 3, 9, 100].map((attempts) => restMs(attempts))).toEqual([
    5_000, 10_000, 20_000, 900_000, 900_000,
  ]);
});
