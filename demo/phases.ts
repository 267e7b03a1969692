import { applyConnector } from '../operations/connector/apply.ts';
import { runSourceSql } from '../connectors/deploy/run-sql.ts';
import { sourceSql } from '../connectors/deploy/source-sql.ts';
import { migrate } from '../consumers/agent-test-history/schema/migrate.ts';
import type { Environment } from '../lib/config.ts';
import type { KafkaCluster } from '../lib/kafka-cluster.ts';
import type { Pool } from '../lib/postgres.ts';
import { checkOf, hashState, type Check } from './check.ts';
import { RUN_ANSWER, runCommand, type Command, type CommandOptions } from './command.ts';
import { createApplication, generateHistory, type DemoPlan } from './generate.ts';
import type { DemoStack } from './local-stack.ts';
import {
  absorbedOf,
  namedOf,
  confirmedPosition,
  projectedOf,
  recordsIn,
  untilDone,
  walPosition,
} from './wait.ts';
import type { WriterResult } from './writer.ts';
import type { Writing } from './writing.ts';

const GRACEFUL_STOP_SECONDS = 10;

interface Progress {
  update(done: number, total: number): void;
  end(): void;
}

export interface DemoOptions {
  readonly plan: DemoPlan;
  /** True if the stack stays up at the end. */
  readonly keep: boolean;
  readonly environment: Environment;
  /** The name of the demo's own stack. */
  readonly stackName: string;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
  readonly createProgress: (what: string) => Progress;
}

/** What the phases share. */
export interface Surroundings extends DemoOptions {
  readonly stack: DemoStack;
  readonly pool: Pool;
  readonly cluster: KafkaCluster;
  readonly topic: string;
  readonly command: CommandOptions;
}

export async function makeApplication({ pool, plan, signal, createProgress }: Surroundings): Promise<void> {
  await createApplication(pool);
  const progress = createProgress('generated');
  try {
    await generateHistory(pool, plan, (rows) => {
      signal.throwIfAborted();
      progress.update(rows, plan.rows);
    });
  } finally {
    progress.end();
  }
}

/** Runs the DBA's script: the role's part as a superuser, the rest as the owner of the tables. */
export async function prepareDatabase({ pool, stack: { config, running } }: Surroundings): Promise<void> {
  await runSourceSql(running.addresses.superuserUrl, sourceSql(config, 'role'));
  for (const part of ['tables', 'publication', 'grants'] as const) {
    await runSourceSql(config.DATABASE_URL, sourceSql(config, part));
  }
  await migrate(pool, undefined);
}

/** The number of rows to copy, and the seconds between their first and their last record in the topic. */
export interface Copied {
  readonly rows: number;
  readonly seconds: number;
}

export async function snapshot(run: Surroundings): Promise<Copied> {
  const { pool, cluster, topic, stack, createProgress } = run;
  const rows = await countLegacyRows(pool);
  const progress = fromFirstRow(() => createProgress('in Kafka'));
  const applied = new AbortController();
  const signal = AbortSignal.any([run.signal, applied.signal]);
  let begun: number | undefined;
  let looked = performance.now();
  const grown = untilDone({
    what: 'the snapshot in Kafka',
    signal,
    measure: async () => ({ done: await recordsIn(cluster, topic), total: rows }),
    progress: (done, total) => {
      if (done > 0) begun ??= looked;
      looked = performance.now();
      progress.update(done, total);
    },
  });
  try {
    const connector = applyConnector(stack.config, { note: () => undefined });
    await Promise.race([Promise.all([connector, grown]), aborted(run.signal)]);
    return { rows, seconds: (looked - (begun ?? looked)) / 1000 };
  } finally {
    applied.abort();
    await grown.catch(() => undefined);
    progress.end();
  }
}

export async function projectSnapshot(run: Surroundings, projector: Command): Promise<void> {
  const progress = fromFirstRow(() => run.createProgress('projected'));
  try {
    await catchUp(run, projector, (done, total) => {
      progress.update(done, total);
    });
  } finally {
    progress.end();
  }
}

/** Waits until everything in the topic is projected. Throws if the projector ends before that. */
async function catchUp(
  { pool, cluster, topic, signal }: Surroundings,
  projector: Command,
  progress: (done: number, total: number) => void,
): Promise<void> {
  const measure = () => projectedOf(pool, cluster, topic);
  await whileRunning(projector, untilDone({ what: 'the topic, projected', signal, measure, progress }));
}

export async function streamChanges(
  run: Surroundings,
  projector: Command,
  writing: Writing,
): Promise<WriterResult> {
  const { pool, signal, createProgress, stack } = run;
  const progress = fromFirstRow(() => createProgress('written'));
  const stream = writing.stream((runs, total) => {
    progress.update(runs, total);
  });
  const written = await whileRunning(projector, stream).finally(() => {
    progress.end();
  });
  const end = await walPosition(pool);
  const measure = async () => ({ done: await confirmedPosition(pool, stack.config.SLOT_NAME), total: end });
  await whileRunning(projector, untilDone({ what: 'the WAL, in Kafka', signal, measure }));
  await catchUp(run, projector, () => undefined);
  const absorbed = untilDone({ what: 'late live rows, absorbed', signal, measure: () => absorbedOf(pool) });
  await whileRunning(projector, absorbed);
  // A sweep names the rows after it has absorbed live rows; stopped in between, it would leave the names to the next
  // run.
  const named = untilDone({ what: 'projected rows, named', signal, measure: () => namedOf(pool) });
  await whileRunning(projector, named);
  return written;
}

export async function stopProjector(projector: Command): Promise<Check> {
  const start = performance.now();
  const { stopped, read } = RUN_ANSWER.parse(await projector.stop());
  const seconds = (performance.now() - start) / 1000;
  return checkOf({
    id: 'graceful-stop',
    claim: `on SIGTERM the projector finishes what it has in hand, within ${String(GRACEFUL_STOP_SECONDS)} s`,
    expected: 'in time',
    found: stopped === 'signal' && seconds <= GRACEFUL_STOP_SECONDS ? 'in time' : `${seconds.toFixed(1)} s`,
    lookedAt: read,
  });
}

export async function runAgain({ pool, cluster, topic, command, signal }: Surroundings): Promise<Check[]> {
  const before = await hashState(pool);
  const answerOf = async (...args: string[]) =>
    RUN_ANSWER.parse(await runCommand([...args, '--json'], { ...command, signal }));
  const projected = await answerOf('project', '--until-caught-up');
  const replayed = await answerOf('replay');
  const after = await hashState(pool);
  const { done, total } = await projectedOf(pool, cluster, topic);
  const unchanged = { expected: '0', lookedAt: replayed.read };
  return [
    {
      id: 'offsets-at-end',
      claim: 'the stored offsets are at the end of the topic',
      expected: String(total),
      found: String(done),
      lookedAt: total,
    },
    {
      id: 'second-run',
      claim: 'a second `project --until-caught-up` changes nothing',
      found: String(projected.changes.total),
      ...unchanged,
    },
    {
      id: 'replay',
      claim: 'a replay of the whole topic changes nothing',
      found: String(replayed.changes.total),
      ...unchanged,
    },
    {
      id: 'same-hash',
      claim: 'canonical table and ledger are byte-identical after both',
      expected: `${before.canonical.slice(0, 12)} ${before.ledger.slice(0, 12)}`,
      found: `${after.canonical.slice(0, 12)} ${after.ledger.slice(0, 12)}`,
      lookedAt: after.rows,
    },
  ].map(checkOf);
}

async function countLegacyRows(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ rows: number }>(
    'SELECT count(*)::integer AS rows FROM agent_test_history',
  );
  return rows[0]?.rows ?? 0;
}

/** A progress bar that starts with the first row, because the wait for it would distort pace and ETA. */
function fromFirstRow(create: () => Progress): Progress {
  let progress: Progress | undefined;
  return {
    update: (done, total) => {
      if (done === 0) return;
      progress ??= create();
      progress.update(done, total);
    },
    end: () => progress?.end(),
  };
}

async function whileRunning<T>(projector: Command, work: Promise<T>): Promise<T> {
  const ended = projector.answer.then(() => {
    throw new Error('the projector ended although nobody asked it to');
  });
  return await Promise.race([work, ended]);
}

async function aborted(signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}
