import type { Config } from '../../lib/config.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import type { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import { connectClient } from '../../connectors/deploy/target.ts';

/** A question that takes longer is given up by the server; nobody waits long behind a lock. */
const BOUNDS = { statementMs: 9_000, lockMs: 2_000 };
const CONNECTIONS = 4;

/** What the facts are read from, each opened when the first question comes; `name` is shown in pg_stat_activity. */
export class Services {
  readonly #config: Config;
  readonly #name: string;
  #legacy: Pool | undefined;
  #canonical: Pool | undefined;
  #kafka: Promise<KafkaCluster> | undefined;

  constructor(config: Config, name = 'history-cdc doctor') {
    this.#config = config;
    this.#name = name;
  }

  legacy(): Pool {
    this.#legacy ??= this.#bounded('LEGACY_DATABASE_URL');
    return this.#legacy;
  }

  canonical(): Pool {
    this.#canonical ??= this.#bounded('DATABASE_URL');
    return this.#canonical;
  }

  async kafka(): Promise<KafkaCluster> {
    const settings = { ...this.#config, KAFKA_BROKERS: this.#required('KAFKA_BROKERS') };
    this.#kafka ??= KafkaCluster.connect(settings, createLogger(this.#config.LOG_LEVEL));
    return await this.#kafka;
  }

  connect(): ConnectClient {
    return connectClient({ ...this.#config, CONNECT_URL: this.#required('CONNECT_URL') });
  }

  /** Waits for nothing that was given up: a server that does not answer would keep it from ending. */
  close(): void {
    const ignored = () => undefined;
    this.#legacy?.end().catch(ignored);
    this.#canonical?.end().catch(ignored);
    this.#kafka?.then((cluster) => cluster.close()).catch(ignored);
  }

  #required<K extends keyof Config>(name: K): NonNullable<Config[K]> {
    const value = this.#config[name];
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
  }

  #bounded(setting: 'DATABASE_URL' | 'LEGACY_DATABASE_URL'): Pool {
    const url = this.#required(setting);
    return createPool({ url, name: this.#name, connections: CONNECTIONS, bounds: BOUNDS });
  }
}
