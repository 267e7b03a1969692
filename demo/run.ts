/**
 * The demo from end to end. `onStack` lists its phases in order. It does everything as a person would do it: it runs
 * the DBA's script, `migrate`, `connector apply`, and `project` as its own process.
 */
import { availableParallelism, totalmem } from 'node:os';
import path from 'node:path';
import { KafkaCluster } from '../lib/kafka-cluster.ts';
import { countUnhealed } from '../consumers/agent-test-history/stream/unhealed.ts';
import { createLogger } from '../lib/log.ts';
import { topicNames } from '../lib/names.ts';
import { createPool } from '../lib/postgres.ts';
import { runChecks } from './check.ts';
import { Command } from './command.ts';
import {
  countDecisions,
  countRowsWritten,
  measureLatency,
  measureProjection,
  measureWindow,
} from './figures.ts';
import { startDemoStack, type DemoStack } from './local-stack.ts';
import {
  makeApplication,
  prepareDatabase,
  projectSnapshot,
  runAgain,
  snapshot,
  stopProjector,
  streamChanges,
  type DemoOptions,
  type Surroundings,
} from './phases.ts';
import type { DemoFacts, Phase } from './report.ts';
import { retireTable } from './retirement.ts';
import { WRITER_CONNECTIONS } from './writer.ts';
import { startWriter, type Writing } from './writing.ts';

/** A short interval, so that nobody has to wait long for the sweep of a live row that came late. */
const SWEEP_INTERVAL_SECONDS = '2';

/** Runs the demo, and always takes the stack down afterwards, unless it is to be kept. */
export async function runDemo(options: DemoOptions): Promise<DemoFacts> {
  const phases: Phase[] = [];
  const timed = timer(options, phases);
  const stack = await timed('start Postgres, Kafka, Connect and the schema registry', () =>
    startDemoStack(options),
  );
  try {
    return { ...(await onStack({ ...options, stack, timed })), phases };
  } catch (error) {
    // A stop makes many things fail. Report the stop, not the error that followed from it.
    options.signal.throwIfAborted();
    if (options.keep)
      options.note(
        `the stack ${options.stackName} is still up, its logs are in ${path.dirname(stack.logFile)}`,
      );
    throw error;
  } finally {
    if (!options.keep) await stack.running.stop({ purge: true });
  }
}

type Timed = <T>(name: string, work: () => Promise<T>) => Promise<T>;

function timer({ note, signal }: DemoOptions, phases: Phase[]): Timed {
  return async (name, work) => {
    signal.throwIfAborted();
    note(`${String(phases.length + 1)}. ${name}`);
    const start = performance.now();
    const result = await work();
    phases.push({ name, seconds: (performance.now() - start) / 1000 });
    return result;
  };
}

interface Run extends DemoOptions {
  readonly stack: DemoStack;
  readonly timed: Timed;
}

async function onStack(run: Run): Promise<Omit<DemoFacts, 'phases'>> {
  const { config, environment, logFile, addresses } = run.stack;
  run.note(
    `to look around: ${Object.entries(addresses)
      .map((server) => server.join(' '))
      .join(', ')}`,
  );
  const connections = WRITER_CONNECTIONS + 2;
  const pool = createPool({ url: config.DATABASE_URL, name: 'history-cdc demo', connections });
  const cluster = await KafkaCluster.connect(config, createLogger('silent'));
  try {
    const facts = await demonstrate({
      ...run,
      pool,
      cluster,
      topic: topicNames(config).data,
      command: { environment: { ...environment, SWEEP_INTERVAL_SECONDS }, logFile },
    });
    return { ...facts, addresses };
  } finally {
    await cluster.close();
    await pool.end();
  }
}

type Findings = Omit<DemoFacts, 'phases' | 'addresses'>;

async function demonstrate(run: Surroundings & Run): Promise<Findings> {
  const { plan, timed } = run;
  await timed(`make the application's tables, with ${plan.rows.toLocaleString('en')} legacy rows`, () =>
    makeApplication(run),
  );
  await timed("run the DBA's script, and migrate", () => prepareDatabase(run));
  const writing = startWriter(run);
  let findings: Omit<Findings, 'retirement'>;
  try {
    findings = await cutOver({ ...run, signal: AbortSignal.any([run.signal, writing.failed]) }, writing);
  } finally {
    await writing.end();
  }
  // If the stack is kept for looking around, the table stays, too.
  if (run.keep) return { ...findings, retirement: null };
  const { checks, ...retirement } = await retireTable(run);
  return { ...findings, checks: [...findings.checks, ...checks], retirement };
}

/** The phases during which the application writes. */
async function cutOver(run: Surroundings & Run, writing: Writing): Promise<Omit<Findings, 'retirement'>> {
  const { plan, pool, timed, command } = run;
  const copied = await timed('deploy the connector; Debezium copies the table into Kafka', () =>
    snapshot(run),
  );
  const projector = new Command(['project', '--json'], command);
  try {
    await timed('project the snapshot', () => projectSnapshot(run, projector));
    const projectorSeconds = await measureProjection(pool);
    const writer = await timed('stream, while the application writes faster', () =>
      streamChanges(run, projector, writing),
    );
    const latency = await measureLatency(pool);
    const stopped = await timed('stop the projector (SIGTERM)', () => stopProjector(projector));
    const checks = await timed('check everything', () =>
      runChecks(pool, run.stack.config.UNAVAILABLE_PLACEHOLDER),
    );
    const again = await timed('project again, and replay from offset 0', () => runAgain(run));
    return {
      plan,
      machine: { cores: availableParallelism(), memoryGiB: Math.round(totalmem() / 2 ** 30) },
      snapshot: { rows: copied.rows, connectorSeconds: copied.seconds, projectorSeconds },
      writer,
      window: await measureWindow(pool),
      latency,
      decisions: await countDecisions(pool),
      rowsWritten: await countRowsWritten(pool),
      quarantine: await countUnhealed(pool),
      checks: [...checks, stopped, ...again],
    };
  } finally {
    await projector.end();
  }
}
