import pRetry from 'p-retry';
import { FatalError, messageOf, TransientError } from '../../lib/errors.ts';
import { HttpClient, type Endpoint, type HttpAnswer } from '../../lib/http-client.ts';

const REQUEST_TIMEOUT_MS = 15_000;
/** To check a configuration, Connect logs in to the database, and waits up to a minute for it. */
const VALIDATION_TIMEOUT_MS = 75_000;

export interface ConnectOptions extends Endpoint {
  /** Secrets that must not appear in a message, not even in a message that Connect wrote. */
  readonly secrets: readonly string[];
}

interface RestAnswer {
  readonly status: number;
  readonly body: unknown;
  /** The header `Date`. */
  readonly date: string | null;
}

/**
 * Sends requests to Kafka Connect's REST interface. It waits for a rebalance, and turns a refusal into an error that
 * says what to do.
 */
export class ConnectRest {
  readonly #http: HttpClient;
  readonly #secrets: readonly string[];

  constructor({ secrets, ...endpoint }: ConnectOptions) {
    this.#http = new HttpClient(endpoint, {
      address: 'CONNECT_URL',
      token: 'CONNECT_TOKEN',
      ca: 'CONNECT_CA_FILE',
    });
    this.#secrets = secrets;
  }

  /** Undefined if Connect answers 404. */
  async find<T>(path: string): Promise<T | undefined> {
    const answer = await this.#exchange('GET', path);
    if (answer.status === 404) return undefined;
    if (answer.status >= 400) throw this.#rejected(`GET ${path}`, answer);
    return answer.body as T;
  }

  async send(method: string, path: string, body?: object): Promise<RestAnswer> {
    const answer = await this.#exchange(method, path, body);
    if (answer.status >= 400) throw this.#rejected(`${method} ${path}`, answer);
    return answer;
  }

  redact(text: string): string {
    return this.#secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), this.#http.redact(text));
  }

  /** Tries again while the workers rebalance. The caller judges any other answer. */
  async #exchange(method: string, path: string, body?: object): Promise<RestAnswer> {
    return await pRetry(() => this.#request(method, path, body), {
      retries: 20,
      minTimeout: 250,
      maxTimeout: 2_000,
      shouldRetry: ({ error }) => error instanceof TransientError,
    }).catch((error: unknown) => {
      throw error instanceof TransientError ? this.unreachable(error) : error;
    });
  }

  async #request(method: string, path: string, body: object | undefined): Promise<RestAnswer> {
    const question = { method, path, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const timeoutMs = body === undefined ? REQUEST_TIMEOUT_MS : VALIDATION_TIMEOUT_MS;
    let answer: HttpAnswer;
    try {
      answer = await this.#http.ask({ ...question, timeoutMs });
    } catch (error) {
      throw this.unreachable(error);
    }
    const { status, text, date } = answer;
    const content = text === '' ? undefined : parsed(text);
    if (isRebalancing(status, content))
      throw new TransientError('the workers of Kafka Connect are rebalancing');
    if (status === 404 && !isConnectsOwn(content))
      throw this.unreachable(
        new Error('it answers 404 to everything, as a worker does that is still starting'),
      );
    return { status, body: content, date };
  }

  /** The error if Connect does not answer, or if the answer is not Connect's. */
  unreachable(cause: unknown): FatalError {
    return new FatalError({
      code: 'CONNECT_UNREACHABLE',
      message: `Kafka Connect does not answer at ${this.#http.base}: ${this.redact(messageOf(cause))}`,
      wayOut:
        this.#http.wayIn({ error: cause }) ??
        'check CONNECT_URL (`history-cdc config`), and that the Connect workers run',
      cause,
    });
  }

  #rejected(request: string, { status, body }: RestAnswer): FatalError {
    const wayIn = this.#http.wayIn({ status });
    if (wayIn !== undefined) {
      return new FatalError({
        code: 'CONNECT_REFUSED',
        message: `Kafka Connect at ${this.#http.base} answered ${String(status)} to ${request}`,
        wayOut: wayIn,
        facts: { status },
      });
    }
    const message = isErrorBody(body) ? body.message : String(body);
    return new FatalError({
      code: status === 404 ? 'CONNECTOR_ABSENT' : 'CONNECTOR_REJECTED',
      message: `Kafka Connect answered ${String(status)} to ${request}: ${this.redact(message)}`,
      wayOut:
        status === 404
          ? '`history-cdc connector apply` creates the connector; the worker must have the plugins of connectors/runtime/pom.xml'
          : "mend what it names, in connectors/agent-test-history.json, the settings, or the worker's configuration",
      facts: { status },
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * During a rebalance Connect answers 409. A read between a change and its rebalance gets 500 with this text instead.
 */
function isRebalancing(status: number, body: unknown): boolean {
  if (status === 409) return true;
  return status === 500 && isErrorBody(body) && body.message.includes('a rebalance is expected');
}

/**
 * While a worker starts, its web server answers 404 to everything by itself. Only an error with Connect's own code says
 * that there is no such connector.
 */
function isConnectsOwn(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'error_code' in body;
}

function isErrorBody(body: unknown): body is { readonly message: string } {
  return typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string';
}
