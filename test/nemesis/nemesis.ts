import path from 'node:path';
import { ORGANISATIONS, type DemoPlan } from '../../demo/generate.ts';
import { environmentWithoutSettings, type DemoStack } from '../../demo/local-stack.ts';
import { makeApplication, prepareDatabase, snapshot, type Surroundings } from '../../demo/phases.ts';
import { projectedOf, untilDone } from '../../demo/wait.ts';
import { loadConfig, type Environment } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { topicNames } from '../../lib/names.ts';
import { createPool } from '../../lib/postgres.ts';
import { removeAbandonedStacks, startStack } from '../../stack/stack.ts';
import { instanceOf, localStackEnvironment, SERVER_NAMES } from '../../stack/state.ts';
import { Application, APPLICATION_CONNECTIONS } from './application.ts';
import { retryQuarantine } from './errands.ts';
import { finalChecks, untilCalm, untilGood } from './calm.ts';
import type { Check } from '../../demo/check.ts';
import type { Victims } from './faults.ts';
import { startFaultyProxy } from './faulty-proxy.ts';
import { Journal } from './journal.ts';
import { Projectors } from './projectors.ts';
import { writeReport, type NemesisReport } from './report.ts';
import { planStorm } from './schedule.ts';
import { SecondWorker } from './second-worker.ts';
import { Servers } from './servers.ts';
import { storm } from './storm.ts';

const NEEDS = [
  'DATABASE_URL',
  'LEGACY_DATABASE_URL',
  'KAFKA_BROKERS',
  'CONNECT_URL',
  'CONNECTOR_DATABASE_URL',
] as const;

export interface NemesisOptions {
  readonly seed: number;
  readonly minutes: number;
  /** The rows of the history. */
  readonly rows: number;
  readonly projectors: number;
  readonly partitions: number;
  /** Connect workers: 1 or 2. */
  readonly workers: number;
  /** True if the stack stays up at the end. */
  readonly keep: boolean;
  /** Where the report goes. */
  readonly folder: string;
  readonly environment: Environment;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/** Runs the whole: history, storm, calm, checks. Writes the report, whatever happens. */
export async function runNemesis(options: NemesisOptions): Promise<NemesisReport> {
  const { environment, seed, note, keep } = options;
  await removeAbandonedStacks({ environment, onProgress: note });
  const name = `nemesis-${String(seed)}-${String(process.pid)}`;
  const journal = new Journal(note);
  const running = await startStack({
    environment,
    name,
    onProgress: note,
    components: SERVER_NAMES,
    owned: !keep,
  });
  const logs = path.join(instanceOf(environment, name).folder, 'logs');
  try {
    const report = await new Nemesis({ ...options, name, logs, journal }).run(running);
    writeReport(options.folder, logs, report);
    return report;
  } finally {
    if (!keep) await running.stop({ purge: true });
  }
}

interface RunOptions extends NemesisOptions {
  readonly name: string;
  readonly logs: string;
  readonly journal: Journal;
}

class Nemesis {
  readonly #options: RunOptions;
  readonly #phases: Record<string, number> = {};
  #checks: readonly Check[] = [];

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async run(running: DemoStack['running']): Promise<NemesisReport> {
    const { seed, minutes, projectors, partitions, journal, signal } = this.#options;
    const proxies = {
      projector: await startFaultyProxy(running.addresses.databaseUrl),
      connect: await startFaultyProxy(running.addresses.connectorDatabaseUrl),
    };
    const surroundings = await this.#surroundings(running, proxies.connect.url);
    const secondWorker =
      this.#options.workers > 1 ? new SecondWorker(this.#options.environment, this.#options.name) : undefined;
    const schedule = planStorm({ seed, seconds: minutes * 60 });
    const application = new Application({
      pool: surroundings.pool,
      firstRun: surroundings.plan.rows + 1,
      seconds: minutes * 60,
    });
    const crew = new Projectors({
      environment: { ...surroundings.command.environment, DATABASE_URL: proxies.projector.url },
      logs: this.#options.logs,
      journal,
    });
    try {
      await secondWorker?.start();
      await this.#prepare(surroundings, crew);
      await this.#timed('storm', () =>
        this.#storm(surroundings, { schedule, application, crew, secondWorker, proxies }),
      );
      await this.#timed('calm', () => this.#calm(surroundings, crew));
    } catch (error) {
      journal.failed('the run broke off', { why: signal.aborted ? 'it was stopped' : messageOf(error) });
    } finally {
      await crew.kill();
      await secondWorker?.kill();
      await surroundings.pool.end();
      await surroundings.cluster.close().catch(() => undefined);
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
    }
    return {
      ...{ seed, minutes, projectors, partitions, schedule },
      ...{ done: journal.done, seen: journal.seen, failures: journal.failures },
      ...{ written: application.counts, checks: this.#checks, phases: this.#phases },
    };
  }

  async #prepare(surroundings: Surroundings, crew: Projectors): Promise<void> {
    const { pool, topic, signal, cluster } = surroundings;
    await this.#timed('history', async () => {
      await makeApplication(surroundings);
      await prepareDatabase(surroundings);
      await snapshot(surroundings);
      for (let n = 0; n < this.#options.projectors; n++) crew.add();
      const measure = () => projectedOf(pool, cluster, topic);
      await untilDone({ what: 'the history, projected', signal, measure, stalledAfterMs: 300_000 });
    });
  }

  async #storm(
    surroundings: Surroundings,
    work: {
      schedule: NemesisReport['schedule'];
      application: Application;
      crew: Projectors;
      secondWorker: SecondWorker | undefined;
      proxies: Victims['proxies'];
    },
  ): Promise<void> {
    const { journal, name, environment, note } = this.#options;
    const { pool, command } = surroundings;
    const servers = new Servers(environment, name);
    const enough = new AbortController();
    journal.begin();
    const failed = new AbortController();
    const written = work.application.run(enough.signal);
    written.catch((error: unknown) => {
      failed.abort(error);
    });
    const signal = AbortSignal.any([surroundings.signal, failed.signal]);
    try {
      await storm({
        ...{ schedule: work.schedule, seconds: this.#options.minutes * 60, journal, signal },
        victims: { servers, projectors: work.crew, secondWorker: work.secondWorker, proxies: work.proxies },
        errands: {
          ...{ pool, projectors: work.crew, command, journal, signal },
          mostProjectors: this.#options.projectors + 1,
        },
        looks: { pool, command, journal, signal, down: () => servers.down },
      });
    } finally {
      enough.abort();
      // Whatever the storm left, from here on everything runs.
      work.crew.continueAll();
      for (const proxy of Object.values(work.proxies)) proxy.heal();
      await servers.start();
    }
    await written;
    note('the storm is over');
  }

  async #calm(surroundings: Surroundings, crew: Projectors): Promise<void> {
    const { journal } = this.#options;
    const { pool, command, signal } = surroundings;
    await untilCalm(surroundings, (what) => {
      journal.saw(what);
    });
    await retryQuarantine({ command, signal });
    await untilGood({ pool, command, journal, signal, down: () => undefined });
    await crew.stop();
    this.#checks = await finalChecks(surroundings);
  }

  async #surroundings(running: DemoStack['running'], connectorUrl: string): Promise<Surroundings> {
    const { environment, name, logs, partitions, rows, seed, signal, note } = this.#options;
    const settings = {
      ...environmentWithoutSettings(environment, name),
      TOPIC_PARTITIONS: String(partitions),
      CONNECTOR_DATABASE_URL: connectorUrl,
      ARCHIVE_TARGET: path.join(instanceOf(environment, name).folder, 'archive'),
      SWEEP_INTERVAL_SECONDS: '5',
      // A storm fails more tasks per hour than the default lets the watchdog restart.
      WATCHDOG_RESTARTS: '60',
      WATCHDOG_SECONDS: '5',
    };
    const config = loadConfig(settings, localStackEnvironment(settings), NEEDS);
    const logFile = path.join(logs, 'commands.log');
    return {
      plan: planOf(rows, seed),
      keep: false,
      environment: settings,
      stackName: name,
      signal,
      note,
      createProgress: () => ({ update: () => undefined, end: () => undefined }),
      stack: { running, config, environment: settings, logFile, addresses: {} },
      pool: createPool({
        url: running.addresses.databaseUrl,
        name: 'nemesis application',
        connections: APPLICATION_CONNECTIONS,
      }),
      cluster: await KafkaCluster.connect(config, createLogger('silent')),
      topic: topicNames(config).data,
      command: { environment: settings, logFile },
    };
  }

  async #timed(name: string, work: () => Promise<void>): Promise<void> {
    const start = performance.now();
    try {
      await work();
    } finally {
      this.#phases[name] = (performance.now() - start) / 1000;
    }
  }
}

function planOf(rows: number, seed: number): DemoPlan {
  const endsAt = new Date(Date.now() - 3_600_000);
  endsAt.setUTCHours(0, 0, 0, 0);
  return { rows, seed, organisations: ORGANISATIONS, endsAt };
}
