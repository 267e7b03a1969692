/** Sends one message, signed as the Standard Webhooks specification says (https://www.standardwebhooks.com). */
import { createHmac } from 'node:crypto';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Config } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import { readSettingFile } from '../../lib/setting-file.ts';

/** Where messages go. `secrets` are the keys of WEBHOOK_SECRET: the receiver may accept the signature of any of them. */
export interface Endpoint {
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly secrets: readonly Buffer[];
  readonly ca: Buffer | undefined;
}

export interface Sendable {
  readonly messageId: string;
  readonly body: string;
}

/** `status`: the receiver's answer. `failure`: why it does not count as delivered, as a status or a code; null if it does. */
export interface Sent {
  readonly status: number | null;
  readonly failure: string | null;
}

/** A receiver that answers later has not taken the message. */
export const SEND_WITHIN_MS = 10_000;

/** Undefined if no webhook is set up. */
export function endpointOf(config: Config): Endpoint | undefined {
  const { WEBHOOK_URL: text, WEBHOOK_SECRET: secrets = [] } = config;
  if (text === undefined) return undefined;
  const url = new URL(text);
  const [user, password] = [url.username, url.password].map(decodeURIComponent);
  url.username = '';
  url.password = '';
  const basic = Buffer.from(`${user ?? ''}:${password ?? ''}`).toString('base64');
  return {
    url,
    authorization: user === '' && password === '' ? undefined : `Basic ${basic}`,
    secrets,
    ca: readSettingFile('WEBHOOK_CA_FILE', config.WEBHOOK_CA_FILE),
  };
}

export function requiredEndpoint(config: Config): Endpoint {
  const endpoint = endpointOf(config);
  if (endpoint !== undefined) return endpoint;
  throw new FatalError({
    code: 'CONFIG_INVALID',
    message: 'WEBHOOK_URL is not set',
    wayOut: 'set WEBHOOK_URL and WEBHOOK_SECRET; `history-cdc config` says what they mean',
  });
}

/** The header `webhook-signature`: one signature per key, separated by spaces. `seconds` is the Unix time of the attempt. */
export function signatureOf(
  secrets: readonly Buffer[],
  { messageId, body }: Sendable,
  seconds: number,
): string {
  const signed = `${messageId}.${String(seconds)}.${body}`;
  return secrets
    .map((secret) => `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`)
    .join(' ');
}

/**
 * Posts the message once. It never rejects. A redirect is a failure and is not followed, because the message must not go
 * where nobody has sent it. The answer's body is not read.
 */
export async function send(
  endpoint: Endpoint,
  message: Sendable,
  withinMs: number = SEND_WITHIN_MS,
): Promise<Sent> {
  try {
    const status = await post(endpoint, message, withinMs);
    return { status, failure: status >= 200 && status < 300 ? null : `status ${String(status)}` };
  } catch (error) {
    return { status: null, failure: codeOf(error) };
  }
}

async function post(endpoint: Endpoint, message: Sendable, withinMs: number): Promise<number> {
  const { url, authorization, secrets, ca } = endpoint;
  const seconds = Math.floor(Date.now() / 1000);
  const options = {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(message.body),
      'user-agent': 'history-cdc',
      'webhook-id': message.messageId,
      'webhook-timestamp': String(seconds),
      'webhook-signature': signatureOf(secrets, message, seconds),
      ...(authorization !== undefined && { authorization }),
    },
    agent: false,
    signal: AbortSignal.timeout(withinMs),
    ...(ca !== undefined && { ca }),
  } as const;
  const request = url.protocol === 'https:' ? tlsRequest : plainRequest;
  return await new Promise((resolve, reject) => {
    const asked = request(url, options, (response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    asked.once('error', reject);
    asked.end(message.body);
  });
}

/** The code of the error, because its text may hold the address. */
function codeOf(error: unknown): string {
  if (error instanceof Error && error.name === 'AbortError') return 'timeout';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ABORT_ERR') return 'timeout';
  return /^\w{1,60}$/.test(code) ? code : 'no answer';
}
