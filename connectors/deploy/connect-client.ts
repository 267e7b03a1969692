import pRetry from 'p-retry';
import { FatalError, messageOf, TransientError } from '../../consumers/lib/errors.ts';
import { HttpClient, type Endpoint, type HttpAnswer } from '../../consumers/lib/http-client.ts';
import type { ConnectorConfig } from './desired.ts';

export type ConnectorState = 'RUNNING' | 'FAILED' | 'PAUSED' | 'STOPPED' | 'UNASSIGNED' | 'RESTARTING';

export interface ConnectorStatus {
  readonly connector: { readonly state: ConnectorState; readonly trace?: string };
  readonly tasks: readonly { readonly id: number; readonly state: ConnectorState; readonly trace?: string }[];
}

/** A worker of Connect, and the Kafka cluster that it works with. */
export interface Worker {
  readonly version: string;
  readonly kafka_cluster_id: string;
}

export interface Plugin {
  readonly class: string;
  readonly type: string;
  readonly version?: string | null;
}

/** A setting that Connect does not accept, and why. */
export interface ConfigProblem {
  readonly key: string;
  readonly errors: readonly string[];
}

const REQUEST_TIMEOUT_MS = 15_000;
/** Connect checks a configuration by logging in to the database, and gives that a minute. */
const VALIDATION_TIMEOUT_MS = 75_000;

interface ClientOptions extends Endpoint {
  /** Texts that must not appear in a message, whoever wrote it. */
  readonly secrets: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** The header `Date`. */
  readonly date: string | null;
}

/** Kafka Connect's REST interface, as far as one connector needs it. */
export class ConnectClient {
  readonly #http: HttpClient;
  readonly #secrets: readonly string[];

  constructor({ secrets, ...endpoint }: ClientOptions) {
    this.#http = new HttpClient(endpoint, {
      address: 'CONNECT_URL',
      token: 'CONNECT_TOKEN',
      ca: 'CONNECT_CA_FILE',
    });
    this.#secrets = secrets;
  }

  /** Undefined where Connect has no such connector. */
  async config(name: string): Promise<ConnectorConfig | undefined> {
    return await this.#find<ConnectorConfig>(`/connectors/${encodeURIComponent(name)}/config`);
  }

  /** Undefined where Connect has no such connector, or has just heard of it. */
  async status(name: string): Promise<ConnectorStatus | undefined> {
    return await this.#find<ConnectorStatus>(`/connectors/${encodeURIComponent(name)}/status`);
  }

  async worker(): Promise<Worker> {
    const worker = await this.#find<Worker>('/');
    if (worker?.version === undefined)
      throw this.#unreachable(new Error('what answers is not Kafka Connect'));
    return worker;
  }

  /** The clock of the worker, by the header of its answer; undefined where it sends none. */
  async clock(): Promise<Date | undefined> {
    const { date } = await this.#exchange('GET', '/');
    return date === null ? undefined : new Date(date);
  }

  /** Connectors, converters and all else that the worker has found. */
  async plugins(): Promise<readonly Plugin[]> {
    return (await this.#find<readonly Plugin[]>('/connector-plugins?connectorsOnly=false')) ?? [];
  }

  /** What Connect has stored of a source connector's progress, one entry a partition; none where it has nothing. */
  async offsets(name: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const stored = await this.#find<{ offsets: { offset: Record<string, unknown> | null }[] }>(
      `/connectors/${encodeURIComponent(name)}/offsets`,
    );
    return (stored?.offsets ?? []).flatMap(({ offset }) => (offset === null ? [] : [offset]));
  }

  /** What Connect finds wrong with a configuration: it logs in to the database too, as the connector would. */
  async validate(config: ConnectorConfig): Promise<ConfigProblem[]> {
    const kind = config['connector.class'] ?? '';
    const { body } = await this.#send(
      'PUT',
      `/connector-plugins/${encodeURIComponent(kind)}/config/validate`,
      config,
    );
    const { configs } = body as { configs: { value: { name: string; errors?: string[] } }[] };
    return configs
      .map(({ value }) => ({
        key: value.name,
        errors: (value.errors ?? []).map((text) => this.redact(text)),
      }))
      .filter(({ errors }) => errors.length > 0);
  }

  async putConfig(name: string, config: ConnectorConfig): Promise<void> {
    await this.#send('PUT', `/connectors/${encodeURIComponent(name)}/config`, config);
  }

  async pause(name: string): Promise<void> {
    await this.#send('PUT', `/connectors/${encodeURIComponent(name)}/pause`);
  }

  async resume(name: string): Promise<void> {
    await this.#send('PUT', `/connectors/${encodeURIComponent(name)}/resume`);
  }

  /** The connector and all its tasks: a failed task is not restarted by anything else. */
  async restart(name: string): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}/restart?includeTasks=true&onlyFailed=false`;
    await this.#send('POST', path);
  }

  /** What has failed of it, and nothing that runs. */
  async restartFailed(name: string): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}/restart?includeTasks=true&onlyFailed=true`;
    await this.#send('POST', path);
  }

  /** Only a stopped connector may have its offsets forgotten; `stop` answers before the tasks have ended. */
  async forgetOffsets(name: string): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}`;
    await this.#send('PUT', `${path}/stop`);
    await pRetry(() => this.#send('DELETE', `${path}/offsets`), {
      retries: 30,
      minTimeout: 250,
      maxTimeout: 1_000,
      shouldRetry: ({ error }) => error instanceof FatalError && error.facts['status'] === 400,
    });
  }

  /** Returns when Connect has let go of it: its tasks go on for a moment after the answer. */
  async delete(name: string): Promise<void> {
    await this.#send('DELETE', `/connectors/${encodeURIComponent(name)}`);
    const ended = async () => {
      if ((await this.status(name)) !== undefined) throw new TransientError('its tasks have not ended yet');
    };
    await pRetry(ended, {
      retries: 60,
      minTimeout: 100,
      maxTimeout: 500,
      shouldRetry: ({ error }) => error instanceof TransientError,
    }).catch((error: unknown) => {
      throw error instanceof TransientError ? this.#unreachable(error) : error;
    });
  }

  redact(text: string): string {
    return this.#secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), this.#http.redact(text));
  }

  async #find<T>(path: string): Promise<T | undefined> {
    const answer = await this.#exchange('GET', path);
    if (answer.status === 404) return undefined;
    if (answer.status >= 400) throw this.#rejected(`GET ${path}`, answer);
    return answer.body as T;
  }

  async #send(method: string, path: string, body?: ConnectorConfig): Promise<Answer> {
    const answer = await this.#exchange(method, path, body);
    if (answer.status >= 400) throw this.#rejected(`${method} ${path}`, answer);
    return answer;
  }

  /** Tries again while the workers rebalance; any other answer is the caller's to judge. */
  async #exchange(method: string, path: string, body?: ConnectorConfig): Promise<Answer> {
    return await pRetry(() => this.#request(method, path, body), {
      retries: 20,
      minTimeout: 250,
      maxTimeout: 2_000,
      shouldRetry: ({ error }) => error instanceof TransientError,
    }).catch((error: unknown) => {
      throw error instanceof TransientError ? this.#unreachable(error) : error;
    });
  }

  async #request(method: string, path: string, body: ConnectorConfig | undefined): Promise<Answer> {
    const question = { method, path, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const timeoutMs = body === undefined ? REQUEST_TIMEOUT_MS : VALIDATION_TIMEOUT_MS;
    let answer: HttpAnswer;
    try {
      answer = await this.#http.ask({ ...question, timeoutMs });
    } catch (error) {
      throw this.#unreachable(error);
    }
    const { status, text, date } = answer;
    const content = text === '' ? undefined : parsed(text);
    if (isRebalancing(status, content))
      throw new TransientError('the workers of Kafka Connect are rebalancing');
    return { status, body: content, date };
  }

  #unreachable(cause: unknown): FatalError {
    return new FatalError({
      code: 'CONNECT_UNREACHABLE',
      message: `Kafka Connect does not answer at ${this.#http.base}: ${this.redact(messageOf(cause))}`,
      wayOut:
        this.#http.wayIn({ error: cause }) ??
        'check CONNECT_URL (`history-cdc config`), and that the Connect workers run',
      cause,
    });
  }

  #rejected(request: string, { status, body }: Answer): FatalError {
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

/** Connect says it with 409; to a read that falls between a change and its rebalance, with 500 and this text. */
function isRebalancing(status: number, body: unknown): boolean {
  if (status === 409) return true;
  return status === 500 && isErrorBody(body) && body.message.includes('a rebalance is expected');
}

function isErrorBody(body: unknown): body is { readonly message: string } {
  return typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string';
}
