import type { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import { connectClient } from '../../connectors/deploy/target.ts';
import type { Config } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import type { Bounds } from '../../lib/postgres-session.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { settledWithin } from '../../lib/settled-within.ts';
import { Observer } from './observer.ts';

/** A question that takes longer is given up by the server; nobody waits long behind a lock. */
const QUESTIONS: Bounds = { statementMs: 9_000, lockMs: 2_000 };
const CLOSE_WITHIN_MS = 3_000;

export interface ServicesOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly connections?: number;
  /** `'work'`: statements over a whole table may take long. Unless told, all are questions. */
  readonly bounds?: Bounds | 'work';
  /** A connection that is there already, and stays open. */
  readonly kafka?: KafkaCluster;
}

/**
 * The one way to open connections for facts and for what operators do: each is opened when the first question comes.
 */
export class Services {
  readonly #config: Config;
  readonly #options: ServicesOptions;
  #legacy: Pool | undefined;
  #canonical: Pool | undefined;
  #kafka: Promise<KafkaCluster> | undefined;
  #connect: ConnectClient | undefined;
  #observer: Promise<Observer | undefined> | undefined;

  constructor(config: Config, options: ServicesOptions) {
    this.#config = config;
    this.#options = options;
  }

  legacy(): Pool {
    this.#legacy ??= this.#pool('LEGACY_DATABASE_URL');
    return this.#legacy;
  }

  canonical(): Pool {
    this.#canonical ??= this.#pool('DATABASE_URL');
    return this.#canonical;
  }

  async kafka(): Promise<KafkaCluster> {
    if (this.#options.kafka !== undefined) return this.#options.kafka;
    const settings = { ...this.#config, KAFKA_BROKERS: this.#required('KAFKA_BROKERS') };
    this.#kafka ??= KafkaCluster.connect(settings, createLogger(this.#config.LOG_LEVEL));
    return await this.#kafka;
  }

  connect(): ConnectClient {
    this.#connect ??= connectClient({ ...this.#config, CONNECT_URL: this.#required('CONNECT_URL') });
    return this.#connect;
  }

  /** Follows heartbeat and notifications from the first question on. Undefined while one of their topics is missing. */
  async observer(): Promise<Observer | undefined> {
    this.#observer ??= this.#observe();
    const observer = await this.#observer.catch((error: unknown) => {
      this.#observer = undefined;
      throw error;
    });
    if (observer === undefined) this.#observer = undefined;
    return observer;
  }

  async #observe(): Promise<Observer | undefined> {
    const settings = { ...this.#config, KAFKA_BROKERS: this.#required('KAFKA_BROKERS') };
    try {
      return await Observer.start(await this.kafka(), settings);
    } catch (error) {
      if (error instanceof FatalError && error.code === 'TOPIC_MISSING') return undefined;
      throw error;
    }
  }

  /** Waits for nothing that was given up: a server that does not answer would keep the process from ending. */
  async close(): Promise<void> {
    const observer = this.#observer;
    this.#observer = undefined;
    if (observer !== undefined) {
      const stopped = observer.then((open) => open?.stop());
      await settledWithin(CLOSE_WITHIN_MS, stopped);
    }
    const ends = [this.#legacy?.end(), this.#canonical?.end(), this.#kafka?.then((open) => open.close())];
    await settledWithin(
      CLOSE_WITHIN_MS,
      Promise.allSettled(ends).then(() => undefined),
    );
  }

  #required<K extends keyof Config>(name: K): NonNullable<Config[K]> {
    const value = this.#config[name];
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
  }

  #pool(setting: 'DATABASE_URL' | 'LEGACY_DATABASE_URL'): Pool {
    const { name, connections = 4, bounds = QUESTIONS } = this.#options;
    const url = this.#required(setting);
    return createPool({ url, name, connections, ...(bounds !== 'work' && { bounds }) });
  }
}

/** Opens what the work asks for, and closes it again. */
export async function withServices<T>(
  config: Config,
  options: ServicesOptions,
  work: (services: Services) => Promise<T>,
): Promise<T> {
  const services = new Services(config, options);
  try {
    return await work(services);
  } finally {
    await services.close();
  }
}
