import { setInterval } from 'node:timers/promises';
import pg from 'pg';
import { expect } from 'vitest';
import { desiredConnector } from '../../connectors/deploy/desired.ts';
import type { CheckResult } from '../../operations/checks/judge.ts';
import { loadConfig } from '../../lib/config.ts';
import type { Deployment } from '../connectors/deployment.ts';
import { dropSlot } from '../support/drop-slot.ts';
import { until } from '../support/until.ts';
import { resultsOf } from './ask.ts';
import { carryOut, historyCdc, type Place, type Settings } from './carry-out.ts';
import { kafkaTools } from './kafka-tools.ts';

/** A deployment that is broken and mended; what a fix changed of the settings stays. */
export class BrokenDeployment {
  settings: Settings;
  readonly dba: pg.Pool;
  readonly #deployment: Deployment;

  constructor(deployment: Deployment) {
    this.#deployment = deployment;
    this.settings = deployment.settings;
    this.dba = new pg.Pool({ connectionString: deployment.database.superuserUrl, max: 2 });
  }

  get slot(): string {
    return this.settings['SLOT_NAME'] ?? '';
  }

  get place(): Place {
    const { database, cluster } = this.#deployment;
    return { settings: this.settings, superuserUrl: database.superuserUrl, tool: kafkaTools(cluster) };
  }

  /** Each becomes red, and says so: failed where it is an error, a warning where it is none. Gives them in this order. */
  async red(expected: Readonly<Record<string, string>>): Promise<readonly CheckResult[]> {
    const ids = Object.keys(expected);
    let results: readonly CheckResult[] = [];
    const others = () =>
      results.flatMap(({ id, verdict, severity, evidence }) => {
        const isRed = verdict === (severity === 'error' ? 'failed' : 'warning');
        return isRed && evidence.includes(expected[id] ?? '') ? [] : [`${id} ${verdict}: ${evidence}`];
      });
    await until('the checks are red', async () => {
      results = await resultsOf(ids, this.settings);
      return results.length === ids.length && others().length === 0;
    }).catch(() => undefined);
    expect(others()).toEqual([]);
    return ids.flatMap((id) => results.filter((result) => result.id === id));
  }

  async onlyRed(id: string, says: string): Promise<CheckResult> {
    const [result] = await this.red({ [id]: says });
    if (result === undefined) throw new Error(`there is no answer of ${id}`);
    return result;
  }

  /** `start`: runs a projector beside what comes after it; without it, `project` ends when it has caught up. */
  async mend({ fix }: Pick<CheckResult, 'fix'>, start?: (args: readonly string[]) => void): Promise<void> {
    this.settings = await carryOut(fix, { ...this.place, ...(start !== undefined && { start }) });
  }

  /** What a connector does takes a moment to be seen. */
  async green(...ids: readonly string[]): Promise<void> {
    let bad: string[] = [];
    await until('the checks are green', async () => {
      const results = await resultsOf(ids, this.settings);
      bad = results.flatMap(({ id, verdict, evidence }) =>
        verdict === 'ok' ? [] : [`${id} ${verdict}: ${evidence}`],
      );
      return bad.length === 0;
    }).catch(() => undefined);
    expect(bad).toEqual([]);
  }

  async run(...args: string[]): Promise<void> {
    const { code, stderr } = await historyCdc(args, this.settings);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  }

  /** How many the connector has written into its table. */
  async heartbeats(): Promise<number> {
    const { rows } = await this.dba.query<{ counter: string }>(
      'SELECT counter FROM history_cdc_source.heartbeat',
    );
    return Number(rows[0]?.counter ?? 0);
  }

  async delete(topic: string): Promise<void> {
    await this.place.tool?.('kafka-topics.sh', ['--delete', '--topic', topic]);
  }

  /** As by somebody who makes topics again that were deleted: they have other ids, and nothing in them. */
  async emptied(...topics: readonly string[]): Promise<void> {
    for (const topic of topics) await this.delete(topic);
    const { topics: specs } = desiredConnector(loadConfig(this.settings, undefined));
    await this.#deployment.cluster.createTopics(specs.filter(({ name }) => topics.includes(name)));
  }

  /** Returns when the connector is stopped and nobody reads its slot. */
  async stop(): Promise<void> {
    await this.#deployment.connect('PUT', '/stop');
    await this.#deployment.untilState('STOPPED');
    await until('nobody reads the slot', async () => {
      const reads = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
      return (await this.dba.query(reads, [this.slot])).rowCount === 0;
    });
  }

  /** Meanwhile the server writes ten MiB of WAL a second, or less, as logical messages. */
  async whileWalGrows<T>(work: () => Promise<T>): Promise<T> {
    const ended = new AbortController();
    const megabyte = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1048576))";
    const write = async () => {
      const ticks = setInterval(100, undefined, { signal: ended.signal })[Symbol.asyncIterator]();
      while (!ended.signal.aborted) {
        await this.dba.query(megabyte);
        await ticks.next();
      }
    };
    const written = write().catch((error: unknown) => {
      if (!ended.signal.aborted) throw error;
    });
    try {
      return await work();
    } finally {
      ended.abort();
      await written;
    }
  }

  async remove(): Promise<void> {
    await this.#deployment.connect('DELETE', '');
    await dropSlot((sql, values) => this.dba.query(sql, values), this.slot);
    await this.dba.end();
  }
}
