import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { applyConnector } from '../../operations/connector/apply.ts';
import { runSourceSql } from '../../connectors/deploy/run-sql.ts';
import { sourceSql } from '../../connectors/deploy/source-sql.ts';
import { connectClient } from '../../connectors/deploy/target.ts';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import { loadConfig, type ConfigWith } from '../../lib/config.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createKafkaClient, type Admin } from '../../lib/kafka.ts';
import { createLogger } from '../../lib/log.ts';
import { topicNames } from '../../lib/names.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { askConnect } from './ask-connect.ts';
import { Command } from './command.ts';
import { freshDatabase, type TestDatabase } from './database.ts';
import { dropSlot } from './drop-slot.ts';
import { REMEMBER_LIVE_ROWS } from './invariants/tables.ts';
import { pipelineSettings, type Converter } from './pipeline-settings.ts';
import { runInProcess, type Answer } from './run-in-process.ts';
import { until } from './until.ts';
import { accounted, type RunFacts } from './run-facts.ts';

interface PipelineOptions {
  /** What Debezium writes: Avro by the registry, or JSON without one. */
  readonly converter?: Converter;
  /** Partitions of the data topic; 4 unless told. */
  readonly partitions?: number;
  /** false: the test brings the connector about itself. */
  readonly connected?: false;
  /** Fills the application's tables before the connector exists: these rows come by the snapshot. */
  readonly seed: (pool: Pool) => Promise<void>;
}

const APPLICATION = new URL('../../demo/application.sql', import.meta.url);
const ORACLE = new URL('./oracle.sql', import.meta.url);
const NEEDS = [
  'DATABASE_URL',
  'LEGACY_DATABASE_URL',
  'CONNECTOR_DATABASE_URL',
  'KAFKA_BROKERS',
  'CONNECT_URL',
] as const;
type PipelineConfig = ConfigWith<(typeof NEEDS)[number]>;

export type { RunFacts } from './run-facts.ts';

/**
 * The way from the application's tables to the canonical ones, all of it real and nothing of it shared with another
 * test file: a database, the DBA's script, topics, a connector with its slot, and a consumer group.
 */
export class Pipeline {
  readonly settings: Readonly<Record<string, string>>;
  readonly topic: string;
  /** As `app`, the application's own role, which owns the database. */
  readonly pool: Pool;
  readonly cluster: KafkaCluster;
  /** Kafka's admin interface, for what no command of ours does. */
  readonly admin: Admin;
  readonly config: PipelineConfig;
  readonly #database: TestDatabase;
  readonly #commands: Command[] = [];
  #said = '';
  /** Records that a test wrote to the data topic by hand. */
  #produced = 0;

  private constructor(
    database: TestDatabase,
    settings: Readonly<Record<string, string>>,
    { config, cluster }: { config: PipelineConfig; cluster: KafkaCluster },
  ) {
    this.#database = database;
    this.settings = settings;
    this.config = config;
    this.cluster = cluster;
    this.topic = topicNames(config).data;
    this.pool = createPool({ url: database.url, name: 'test', connections: 4 });
    this.admin = createKafkaClient(config, createLogger('silent')).admin();
  }

  static async start({ converter = 'avro', partitions = 4, ...options }: PipelineOptions): Promise<Pipeline> {
    const database = await freshDatabase();
    const settings = pipelineSettings(database, { converter, partitions });
    const config = loadConfig({ ...settings, LOG_LEVEL: 'silent' }, undefined, NEEDS);
    const cluster = await KafkaCluster.connect(config, createLogger('silent'));
    const pipeline = new Pipeline(database, settings, { config, cluster });
    try {
      await pipeline.#build(options);
      return pipeline;
    } catch (error) {
      await pipeline.drop();
      throw error;
    }
  }

  async #build({ seed, connected }: PipelineOptions): Promise<void> {
    await this.admin.connect();
    for (const file of [APPLICATION, ORACLE]) await this.pool.query(readFileSync(file, 'utf8'));
    await seed(this.pool);
    await this.pool.query(REMEMBER_LIVE_ROWS);
    await this.recount();
    await migrate(this.pool, undefined);
    await runSourceSql(this.#database.superuserUrl, sourceSql(this.config));
    if (connected !== false) await this.apply();
  }

  /** What a snapshot brings: one record a row that is there now. */
  async recount(): Promise<void> {
    await this.query('DELETE FROM oracle.seen');
    await this.query('DELETE FROM oracle.record');
    await this.query('INSERT INTO oracle.seen SELECT id FROM agent_test_history');
    await this.query('INSERT INTO oracle.record SELECT count(*) FROM agent_test_history');
    this.#produced = 0;
  }

  /** Brings the connector about, and waits until everything that was committed before is in the topic. */
  async apply(): Promise<void> {
    await this.connect();
    await this.delivered();
  }

  /** Brings the connector about while the application may be writing. */
  async connect(): Promise<void> {
    await applyConnector(this.config, { note: () => undefined });
  }

  async query<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.pool.query<T>(text, [...values])).rows;
  }

  /** The one value of a query that gives one. */
  async value<T>(text: string, values: readonly unknown[] = []): Promise<T> {
    const { rows } = await this.pool.query<T[]>({ text, values: [...values], rowMode: 'array' });
    const [row] = rows;
    if (row?.length !== 1) throw new Error('the query gave no single value');
    return row[0] as T;
  }

  /** Starts `history-cdc` with these arguments; ended, at the latest, by `drop`. */
  start(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Command {
    return this.#keep(Command.historyCdc(args, { ...this.settings, ...settings }));
  }

  /** Starts a script of this folder; ended, at the latest, by `drop`. */
  startScript(
    name: string,
    args: readonly string[],
    settings: Readonly<Record<string, string>> = {},
  ): Command {
    return this.#keep(Command.script(name, args, { ...this.settings, ...settings }));
  }

  /** Runs `history-cdc` to its end, in this process. */
  async run(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const answer = await runInProcess(args, { ...this.settings, ...settings });
    this.#said += answer.stdout + answer.stderr;
    return answer;
  }

  /** Runs a command that must succeed, and gives its facts. */
  async facts(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<RunFacts> {
    const { code, stdout, stderr } = await this.run([...args, '--json'], settings);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with code ${String(code)}:\n${stderr}`);
    return accounted(JSON.parse(stdout) as RunFacts);
  }

  /** The usual run: projects what is in the topic, and ends. */
  async project(
    settings: Readonly<Record<string, string>> = {},
    args: readonly string[] = [],
  ): Promise<RunFacts> {
    return await this.facts(['project', '--until-caught-up', ...args], settings);
  }

  /** Records in the data topic, by its offsets. */
  async records(): Promise<number> {
    const watermarks = await this.cluster.watermarks(this.topic);
    return Number([...watermarks.values()].reduce((sum, { high }) => sum + high, 0n));
  }

  /** Returns when Debezium has written every change that is committed now. It must write that many, and no more. */
  async delivered(): Promise<void> {
    const changes = await this.value<string>('SELECT coalesce(sum(count), 0) FROM oracle.record');
    const expected = Number(changes) + this.#produced;
    await until(`${String(expected)} records in ${this.topic}`, async () => {
      return (await this.records()) >= expected;
    });
    const records = await this.records();
    if (records !== expected)
      throw new Error(`${String(records)} records in the topic, ${String(expected)} were expected`);
  }

  /** Writes records that Debezium would not write. */
  async produce(
    messages: readonly { key: Buffer | null; value: Buffer | null; partition: number }[],
  ): Promise<void> {
    this.#produced += messages.length;
    await this.cluster.produce(this.topic, messages);
  }

  async asDba<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    const pool = createPool({ url: this.#database.superuserUrl, name: 'test dba', connections: 1 });
    try {
      return (await pool.query<T>(text, [...values])).rows;
    } finally {
      await pool.end();
    }
  }

  /** Removes the connector and its slot: nothing streams, and the server keeps no WAL. */
  async removeConnector(): Promise<void> {
    const connect = connectClient(this.config);
    const name = this.config.CONNECTOR_NAME;
    if ((await connect.config(name)) !== undefined) await connect.delete(name);
    await dropSlot((sql, values) => this.asDba(sql, values), this.config.SLOT_NAME);
  }

  /** As if there had never been a connector: slot, offsets in Connect and topics are gone. `apply` begins with a snapshot. */
  async forgetStream(): Promise<void> {
    const { CONNECT_URL: connect, CONNECTOR_NAME: name } = this.config;
    const ask = async (method: string, what: string) =>
      (await askConnect(`${connect}/connectors/${name}/${what}`, method)).ok;
    await ask('PUT', 'stop');
    await until('Connect forgets the offsets of the stopped connector', () => ask('DELETE', 'offsets'));
    await this.removeConnector();
    await this.deleteTopics();
    await until('the topics are gone', async () => {
      const topics = new Set(await this.cluster.listTopics());
      return !Object.values(topicNames(this.config)).some((topic) => topics.has(topic));
    });
    await this.recount();
  }

  async deleteTopics(): Promise<void> {
    const topics = new Set(await this.cluster.listTopics());
    await this.cluster.deleteTopics(
      Object.values(topicNames(this.config)).filter((name) => topics.has(name)),
    );
  }

  /** Everything that the commands have printed so far. */
  get output(): string {
    return this.#said + this.#commands.map(({ stdout, stderr }) => stdout + stderr).join('');
  }

  /** Ends and removes everything, whatever the tests left. */
  async drop(): Promise<void> {
    for (const command of this.#commands) command.signal('SIGKILL');
    await Promise.all(this.#commands.map(({ ended }) => ended));
    await this.removeConnector();
    await this.deleteTopics();
    await this.pool.end();
    await this.admin.disconnect();
    await this.cluster.close();
    await this.#database.drop();
  }

  #keep(command: Command): Command {
    this.#commands.push(command);
    return command;
  }
}

/** A pipeline for all tests of a file: made before the first, removed after the last. */
export function usePipeline(options: PipelineOptions): () => Pipeline {
  let started: Pipeline | undefined;
  beforeAll(async () => {
    started = await Pipeline.start(options);
  });
  afterAll(async () => {
    await started?.drop();
  });
  return () => {
    if (started === undefined) throw new Error('there is no pipeline before the first test');
    return started;
  };
}
