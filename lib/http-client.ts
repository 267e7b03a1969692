import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { SettingName } from './settings.ts';
import { readSettingFile } from './setting-file.ts';
import { tlsFaultOf, tlsWayOut } from './tls-errors.ts';

/** The settings that hold the address and the credentials of a service; for messages. */
export interface EndpointSettings {
  readonly address: SettingName;
  readonly token: SettingName;
  readonly ca: SettingName;
}

export interface Endpoint {
  /** Contains `user:password@` if the service wants basic authentication. */
  readonly url: string;
  /** A bearer token; it is used instead of user and password. */
  readonly token?: string | undefined;
  /** PEM file of the authority that signed the server's certificate. If undefined, Node's own authorities count. */
  readonly caFile?: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** The header `Date`. */
  readonly date: string | null;
}

interface HttpQuestion {
  readonly method: string;
  /** The part of the path after the service's own path; begins with a slash. */
  readonly path: string;
  /** JSON. */
  readonly body?: string | undefined;
  readonly timeoutMs: number;
}

/**
 * Asks one HTTP service, with its credentials; with TLS, the host name is verified. `fetch` is not used, because it
 * takes no authority of its own without another package. Every question has a connection of its own, so that none uses
 * one that the server has just closed.
 */
export class HttpClient {
  /** The address, without credentials. */
  readonly base: string;
  /** Texts that must appear in no message, whoever wrote the message. */
  readonly secrets: readonly string[];
  readonly #settings: EndpointSettings;
  readonly #authorization: string | undefined;
  readonly #ca: Buffer | undefined;

  constructor({ url: text, token, caFile }: Endpoint, settings: EndpointSettings) {
    const url = new URL(text);
    const [user, password] = [url.username, url.password].map(decodeURIComponent);
    const escaped = url.password;
    url.username = '';
    url.password = '';
    this.base = url.href.replace(/\/+$/, '');
    this.#settings = settings;
    const basic = user === '' ? undefined : Buffer.from(`${user ?? ''}:${password ?? ''}`).toString('base64');
    this.#authorization =
      token !== undefined ? `Bearer ${token}` : basic === undefined ? undefined : `Basic ${basic}`;
    this.#ca = readSettingFile(settings.ca, caFile);
    this.secrets = [token, basic, password, escaped].flatMap((secret) =>
      secret === undefined || secret === '' ? [] : [secret],
    );
  }

  /** Rejects if there is no answer. Every status is an answer. */
  async ask({ method, path, body, timeoutMs }: HttpQuestion): Promise<HttpAnswer> {
    const url = new URL(`${this.base}${path}`);
    const options = {
      method,
      headers: {
        accept: 'application/json',
        ...(this.#authorization !== undefined && { authorization: this.#authorization }),
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
      },
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
    } as const;
    return await new Promise((resolve, reject) => {
      const answered = (response: IncomingMessage) => {
        textOf(response).then((text) => {
          resolve({ status: response.statusCode ?? 0, text, date: response.headers.date ?? null });
        }, reject);
      };
      const request =
        url.protocol === 'https:'
          ? tlsRequest(url, { ...options, ...(this.#ca !== undefined && { ca: this.#ca }) }, answered)
          : plainRequest(url, options, answered);
      request.once('error', reject);
      request.end(body);
    });
  }

  redact(text: string): string {
    return this.secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text);
  }

  /** What to do if the service refused us, or we refused its certificate; undefined for every other failure. */
  wayIn(failure: { readonly status: number } | { readonly error: unknown }): string | undefined {
    const { address, token, ca } = this.#settings;
    if ('status' in failure) {
      if (failure.status === 401)
        return `the service wants a login: put user:password@ into ${address}, or set ${token}`;
      if (failure.status === 403)
        return `the service knows the user, but does not allow this: put a user with that right into ${address} or ${token}`;
      return undefined;
    }
    const fault = tlsFaultOf(failure.error);
    return fault === undefined ? undefined : tlsWayOut(fault, { ca, address });
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
