import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { loadConfig } from '../../lib/config.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { topicNames } from '../../lib/names.ts';
import { askConnect } from '../support/ask-connect.ts';
import { Command, type Ended } from '../support/command.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { dropSlot } from '../support/drop-slot.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { until } from '../support/until.ts';

/** A password where none belongs: nothing may show it or send it on. */
export const SECRET = 'hunter2-never-to-be-seen';

/** A legacy database with `ROWS` rows, and everything with a name that a connector of its own needs; nothing is deployed. */
export class Deployment {
  readonly name = `c_${randomBytes(5).toString('hex')}`;
  readonly topics = topicNames({ TOPIC_PREFIX: this.name });
  /** As the owner of the tables, who is no superuser. */
  readonly owner: pg.Pool;
  readonly database: TestDatabase;
  readonly settings: Readonly<Record<string, string>>;
  readonly cluster: KafkaCluster;

  private constructor(database: TestDatabase, cluster: KafkaCluster) {
    const servers = inject('servers');
    const connectorUrl = new URL(database.connectorUrl);
    connectorUrl.password = SECRET;
    this.database = database;
    this.cluster = cluster;
    this.owner = new pg.Pool({ connectionString: database.url, max: 2 });
    this.owner.on('error', () => undefined);
    this.settings = {
      DATABASE_URL: database.url,
      CONNECTOR_DATABASE_URL: connectorUrl.href,
      KAFKA_BROKERS: servers.kafkaBrokers,
      CONNECT_URL: servers.connectUrl,
      SCHEMA_REGISTRY_URL: servers.schemaRegistryUrl,
      CONNECTOR_SCHEMA_REGISTRY_URL: servers.connectorSchemaRegistryUrl,
      TOPIC_PREFIX: this.name,
      CONNECTOR_NAME: this.name,
      SLOT_NAME: this.name,
      PUBLICATION_NAME: this.name,
      TOPIC_PARTITIONS: '3',
      // A stack that a developer has up in this checkout must not lend its addresses.
      HISTORY_CDC_STATE_DIR: '/nonexistent',
    };
  }

  /** `rows` rows, and one more of 3 MiB, scenario `large`. */
  static async start(rows: number): Promise<Deployment> {
    const { kafkaBrokers } = inject('servers');
    const kafka = loadConfig({ KAFKA_BROKERS: kafkaBrokers }, undefined, ['KAFKA_BROKERS']);
    const cluster = await KafkaCluster.connect(kafka, createLogger('silent'));
    const deployment = new Deployment(await freshDatabase(), cluster);
    const application = new URL('../../demo/application.sql', import.meta.url);
    await deployment.owner.query(readFileSync(application, 'utf8'));
    await deployment.owner.query(
      `INSERT INTO agent_contexts (organization_id, agent_url) VALUES ('org', 'https://agent.example');
       INSERT INTO agent_test_history (agent_context_id, scenario, overall_passed, steps_passed, steps_failed)
         SELECT id, 'quality_evaluation', true, 1, 0 FROM agent_contexts, generate_series(1, ${String(rows)});
       INSERT INTO agent_test_history (agent_context_id, scenario, overall_passed, steps_passed, steps_failed, steps_json)
         SELECT id, 'large', true, 1, 0, to_jsonb(repeat(md5('3 MiB'), 100000)) FROM agent_contexts;
       CREATE TABLE another (id int PRIMARY KEY, note text)`,
    );
    return deployment;
  }

  /** `history-cdc connector …` in this process: what it prints, and the exit code that main.ts gives. */
  async connector(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const answer = await runInProcess(['connector', ...args], {
      ...this.settings,
      ...more,
    });
    expect(answer.stdout + answer.stderr).not.toContain(SECRET);
    return answer;
  }

  /** The same as a process of its own, as an operator starts it. */
  async connectorProcess(args: readonly string[]): Promise<Ended> {
    const ended = await Command.historyCdc(['connector', ...args], this.settings).ended;
    expect(ended.stdout + ended.stderr).not.toContain(SECRET);
    return ended;
  }

  /** Asks Connect itself, past our own client. */
  async connect<T>(method: string, path: string, body?: unknown): Promise<T> {
    const url = `${inject('servers').connectUrl}/connectors/${this.name}${path}`;
    return (await askConnect(url, method, body)).body as T;
  }

  async untilState(wanted: string): Promise<void> {
    await until(`the connector is ${wanted}`, async () => {
      const { connector } = await this.connect<{ connector: { state: string } }>('GET', '/status');
      return connector.state === wanted;
    });
  }

  /** Returns when no task reads the slot. */
  async untilSlotIsFree(): Promise<void> {
    await until('the slot is not in use', async () => {
      const active = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
      return (await this.owner.query(active, [this.name])).rowCount === 0;
    });
  }

  async dropSlot(): Promise<void> {
    const dba = new pg.Client({ connectionString: this.database.superuserUrl });
    await dba.connect();
    try {
      await dropSlot((sql, values) => dba.query(sql, values), this.name);
    } finally {
      await dba.end();
    }
  }

  async deleteTopics(): Promise<void> {
    const ours = async () => (await this.cluster.listTopics()).filter((topic) => topic.includes(this.name));
    const there = await ours();
    if (there.length > 0) await this.cluster.deleteTopics(there);
    await until('the topics are gone', async () => (await ours()).length === 0);
  }

  /** Records that were ever written to a topic. */
  async records(topic: string): Promise<number> {
    const marks = [...(await this.cluster.watermarks(topic)).values()];
    return Number(marks.reduce((sum, { high }) => sum + high, 0n));
  }

  /** Every byte of a topic, keys and values. */
  async contents(topic: string): Promise<string> {
    const expected = await this.records(topic);
    const read: string[] = [];
    const group = `${this.name}-contents`;
    const text = (part: Buffer | null) => part?.toString('latin1') ?? '';
    const consumer = await this.cluster.consume({
      group,
      topic,
      fetchBytes: 8_388_608,
      assigned: (partitions) => Promise.resolve(new Map(partitions.map((partition) => [partition, 0n]))),
      records: ({ records }) => {
        read.push(...records.map(({ key, value }) => text(key) + text(value)));
        return Promise.resolve();
      },
      failed: () => undefined,
    });
    await until(`${topic} is read`, () => read.length >= expected);
    await consumer.stop();
    await this.cluster.deleteGroup(group);
    return read.join('');
  }

  async remove(): Promise<void> {
    await this.connect('DELETE', '');
    await this.dropSlot();
    await this.deleteTopics();
    await this.cluster.close();
    await this.owner.end();
    await this.database.drop();
  }
}

/** A deployment for all tests of a file: made before the first, removed after the last. */
export function useDeployment(rows: number): () => Deployment {
  let started: Deployment | undefined;
  beforeAll(async () => {
    started = await Deployment.start(rows);
  });
  afterAll(async () => {
    await started?.remove();
  });
  return () => {
    if (started === undefined) throw new Error('there is no deployment before the first test');
    return started;
  };
}
