import pRetry from 'p-retry';
import { FatalError, TransientError } from '../../lib/errors.ts';
import { ConnectRest, type ConnectOptions } from './connect-rest.ts';
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

/**
 * The progress of a source connector in one partition of its source. Offset and partition have the connector's own
 * form.
 */
interface StoredOffset {
  readonly partition: Readonly<Record<string, unknown>>;
  readonly offset: Readonly<Record<string, unknown>> | null;
}

/** The part of Kafka Connect's REST interface that one connector needs. */
export class ConnectClient {
  readonly #rest: ConnectRest;

  constructor(options: ConnectOptions) {
    this.#rest = new ConnectRest(options);
  }

  /** Undefined if Connect has no such connector. */
  async config(name: string): Promise<ConnectorConfig | undefined> {
    return await this.#rest.find<ConnectorConfig>(`/connectors/${encodeURIComponent(name)}/config`);
  }

  /** Undefined if Connect has no such connector, or has only just received it. */
  async status(name: string): Promise<ConnectorStatus | undefined> {
    return await this.#rest.find<ConnectorStatus>(`/connectors/${encodeURIComponent(name)}/status`);
  }

  async worker(): Promise<Worker> {
    const worker = await this.#rest.find<Worker>('/');
    if (worker?.version === undefined)
      throw this.#rest.unreachable(new Error('what answers is not Kafka Connect'));
    return worker;
  }

  /** The worker's clock, from the header `Date` of its answer; undefined if it sends no such header. */
  async clock(): Promise<Date | undefined> {
    const { date } = await this.#rest.send('GET', '/');
    return date === null ? undefined : new Date(date);
  }

  /** The plugins of the worker: connectors, converters and so on. */
  async plugins(): Promise<readonly Plugin[]> {
    return (await this.#rest.find<readonly Plugin[]>('/connector-plugins?connectorsOnly=false')) ?? [];
  }

  /** The progress of a source connector that Connect has stored: one entry per partition, or none. */
  async offsets(name: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const stored = await this.#storedOffsets(name);
    return stored.flatMap(({ offset }) => (offset === null ? [] : [offset]));
  }

  /**
   * The problems that Connect finds in a configuration. Connect also logs in to the database, as the connector would.
   */
  async validate(config: ConnectorConfig): Promise<ConfigProblem[]> {
    const kind = config['connector.class'] ?? '';
    const { body } = await this.#rest.send(
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
    await this.#rest.send('PUT', `/connectors/${encodeURIComponent(name)}/config`, config);
  }

  async pause(name: string): Promise<void> {
    await this.#rest.send('PUT', `/connectors/${encodeURIComponent(name)}/pause`);
  }

  async resume(name: string): Promise<void> {
    await this.#rest.send('PUT', `/connectors/${encodeURIComponent(name)}/resume`);
  }

  /** Restarts the connector and all its tasks. Nothing else restarts a failed task. */
  async restart(name: string): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}/restart?includeTasks=true&onlyFailed=false`;
    await this.#rest.send('POST', path);
  }

  /** Restarts the failed connector and its failed tasks, but nothing that runs. */
  async restartFailed(name: string): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}/restart?includeTasks=true&onlyFailed=true`;
    await this.#rest.send('POST', path);
  }

  async forgetOffsets(name: string): Promise<void> {
    await this.#stopAndChangeOffsets(name, 'DELETE');
  }

  /** Sets another position for a source connector with one partition. The connector stays stopped until `resume`. */
  async moveOffset(name: string, offset: Readonly<Record<string, unknown>>): Promise<void> {
    const [entry] = await this.#storedOffsets(name);
    if (entry === undefined) throw new Error(`Kafka Connect has stored no offset of ${name}`);
    const offsets = [{ partition: entry.partition, offset }];
    await this.#stopAndChangeOffsets(name, 'PATCH', { offsets });
  }

  async #storedOffsets(name: string): Promise<readonly StoredOffset[]> {
    const path = `/connectors/${encodeURIComponent(name)}/offsets`;
    return (await this.#rest.find<{ offsets: readonly StoredOffset[] }>(path))?.offsets ?? [];
  }

  /**
   * Connect changes the offsets only of a stopped connector, and `stop` answers before the tasks have ended. So it
   * waits.
   */
  async #stopAndChangeOffsets(name: string, method: 'DELETE' | 'PATCH', body?: object): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}`;
    await this.#rest.send('PUT', `${path}/stop`);
    await pRetry(() => this.#rest.send(method, `${path}/offsets`, body), {
      retries: 30,
      minTimeout: 250,
      maxTimeout: 1_000,
      shouldRetry: ({ error }) => error instanceof FatalError && error.facts['status'] === 400,
    });
  }

  /** Deletes the connector, and returns when its tasks have ended: they run on for a moment after Connect's answer. */
  async delete(name: string): Promise<void> {
    await this.#rest.send('DELETE', `/connectors/${encodeURIComponent(name)}`);
    const ended = async () => {
      if ((await this.status(name)) !== undefined) throw new TransientError('its tasks have not ended yet');
    };
    await pRetry(ended, {
      retries: 60,
      minTimeout: 100,
      maxTimeout: 500,
      shouldRetry: ({ error }) => error instanceof TransientError,
    }).catch((error: unknown) => {
      throw error instanceof TransientError ? this.#rest.unreachable(error) : error;
    });
  }

  /** Removes from a text the secrets that must not appear in a message. */
  redact(text: string): string {
    return this.#rest.redact(text);
  }
}
