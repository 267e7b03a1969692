import type { ConfigWith } from '../../../lib/config.ts';
import { startHttpServer } from '../../../lib/http.ts';
import { KafkaCluster } from '../../../lib/kafka-cluster.ts';
import type { Logger } from '../../../lib/log.ts';
import { createMetrics } from '../../../lib/metrics.ts';
import { topicNames } from '../../../lib/names.ts';
import type { Bounds } from '../../../lib/postgres-session.ts';
import { assertReachable, createPool, type Pool } from '../../../lib/postgres.ts';
import { schemaLookupOf } from '../../../lib/registry.ts';
import { settledWithin } from '../../../lib/settled-within.ts';
import { StoppedEarly, unlessStopped } from '../../../lib/unless-stopped.ts';
import { actionsOfStart, recordActionAlone } from '../batch/actions.ts';
import { breakerOf } from '../batch/breaker-window.ts';
import { createDecoder } from '../record/decode.ts';
import { assertNotRetired, retelling } from '../schema/retired.ts';
import { assertMigrated } from '../schema/migrate.ts';
import { assertBothWhole, assertTakesRuns } from '../schema/requirements.ts';
import { RunObserver } from './observer.ts';
import type { ProjectorMode, ProjectorOptions } from './projector-options.ts';
import { Projector } from './projector.ts';
import type { QuarantineBreaker } from '../batch/quarantine-breaker.ts';
import { countUnhealedSoon, type Unhealed } from './unhealed.ts';
import { emptyResult, type BatchResult } from '../batch/result.ts';
import { Sweeper } from '../sweep/sweeper.ts';
import { addSweep, NO_SWEEPS, type SweepTotals } from '../sweep/sweep-totals.ts';
import { LiveWindowMeter, type LiveWindow } from '../twins/live-window.ts';
import { matchingOf } from '../twins/matching.ts';
import { decidingSettings } from '../batch/deciding-settings.ts';
import { findScriptCopies } from '../lookup/script-copies.ts';
import { bothReady, type Watch, type WatchTools } from './watch.ts';
import { undoGeneration } from '../batch/undo-fence.ts';
import { startOffsets, type ReplayStart, type StartOffsets } from './start-offsets.ts';

/** The longest wait for the deletion of a consumer group. Later, Kafka removes an empty group by itself. */
const FORGET_WITHIN_MS = 1_000;
const CLOSE_WITHIN_MS = 500;
/** The longest wait for a running sweep. After it the connection is closed, so the sweep is rolled back. */
const SWEEP_WITHIN_MS = 1_000;

/**
 * The projector asks the legacy database for rows by id, mostly while a transaction of the canonical database is open.
 * Postgres ends that transaction when it is idle for 20 s (lib/postgres.ts), so a later answer would be useless.
 */
const BY_ID: Bounds = { statementMs: 15_000, lockMs: 10_000, answerAfterMs: 3_000 };

export type ProjectorConfig = ConfigWith<'DATABASE_URL' | 'LEGACY_DATABASE_URL' | 'KAFKA_BROKERS'>;

export interface RunOptions {
  readonly config: ProjectorConfig;
  readonly logger: Logger;
  readonly mode: ProjectorMode;
  /** True: the same code runs, and every transaction is rolled back. */
  readonly dryRun: boolean;
  /** True: the run ends at the high watermark that the topic has at the start. False: it runs until it is stopped. */
  readonly untilCaughtUp: boolean;
  readonly replayStart: ReplayStart;
  readonly acceptNewTopic: boolean;
  /** True: the settings of this run take the place of the recorded ones. False: a difference ends the run. */
  readonly acceptNewSettings?: boolean;
  /** True: records that lack a column are parked. False: they stop the projector. */
  readonly parkUnusableSchema?: boolean;
  /** `partition:offset` of truncates that a person has accepted. */
  readonly acceptedTruncates: readonly string[];
  readonly serveHttp: boolean;
  /** The watch over source and stream. It runs only if this run commits. Without it, nothing notices a break. */
  readonly watch?: (tools: WatchTools) => Watch;
  /** Fires when the process is asked to stop. */
  readonly stop: AbortSignal;
  /** Called with the number of projected records, and the number that were in the topic at the start. */
  progress(done: number, total: number): void;
}

export interface RunResult extends BatchResult {
  readonly stopped: 'caught_up' | 'signal';
  /** First and last live row when the run began. */
  readonly liveWindow: LiveWindow;
  readonly sweeps: SweepTotals;
  /** What the watch could not see at the end of a run that ends by itself: rows may be missing unnoticed. */
  readonly unseen: readonly string[];
  /** The quarantine at the end, without what a dry run rolled back; null if Postgres did not answer. */
  readonly quarantine: Unhealed | null;
}

/** Runs a projector from its connections to its last commit. */
export async function runProjector(options: RunOptions): Promise<RunResult> {
  const { config, logger } = options;
  // One connection per concurrent transaction, one for everything around them, one for the sweeper and its look-ups.
  const connections = config.PARTITIONS_AT_ONCE + 3;
  const both = { name: `history-cdc ${options.mode}`, connections };
  const canonical = createPool({ ...both, url: config.DATABASE_URL, setting: 'DATABASE_URL' });
  const url = config.LEGACY_DATABASE_URL;
  const legacy = createPool({ ...both, url, setting: 'LEGACY_DATABASE_URL', bounds: BY_ID });
  try {
    await unlessStopped(options.stop, () => assertFit(canonical, legacy));
    const cluster = await unlessStopped(options.stop, () => KafkaCluster.connect(config, logger));
    try {
      return await runOn({ ...options, canonical, legacy, cluster });
    } finally {
      await settledWithin(CLOSE_WITHIN_MS, cluster.close());
    }
  } catch (error) {
    if (error instanceof StoppedEarly) return NOTHING_DONE;
    throw error;
  } finally {
    // A transaction that waits for a lock keeps its connection. The end of the process closes it.
    await settledWithin(CLOSE_WITHIN_MS, Promise.all([canonical.end(), legacy.end()]));
  }
}

const NOTHING_DONE: RunResult = {
  ...emptyResult(),
  stopped: 'signal',
  liveWindow: { first: null, last: null },
  sweeps: NO_SWEEPS,
  unseen: [],
  quarantine: null,
};

async function assertFit(canonical: Pool, legacy: Pool): Promise<void> {
  await assertReachable(canonical, 'DATABASE_URL');
  await assertReachable(legacy, 'LEGACY_DATABASE_URL');
  await assertBothWhole(canonical, legacy);
  await assertTakesRuns(canonical);
  await assertMigrated(canonical);
  await assertNotRetired(canonical, legacy);
}

interface Connected extends RunOptions {
  readonly canonical: Pool;
  readonly legacy: Pool;
  readonly cluster: KafkaCluster;
  readonly meter: LiveWindowMeter;
  readonly breaker: QuarantineBreaker;
  readonly undoGeneration: bigint;
}

type Unprepared = Omit<Connected, 'meter' | 'breaker' | 'undoGeneration'>;

interface Prepared extends Pick<Connected, 'meter' | 'breaker' | 'undoGeneration'> {
  readonly liveWindow: LiveWindow;
  readonly start: StartOffsets;
}

async function prepare(connected: Unprepared): Promise<Prepared> {
  const { config, logger, canonical, cluster, acceptNewTopic, mode, replayStart } = connected;
  for (const action of actionsOfStart(connected)) await recordActionAlone(canonical, action);
  const copies = await findScriptCopies(canonical);
  if (copies > 0) logger.info({ copies }, 'found canonical rows that the earlier script copied');
  const meter = new LiveWindowMeter(canonical, matchingOf(config));
  const liveWindow = await meter.measure();
  logger.info(liveWindow, 'the first and the last run that the live path has recorded');
  const where = { cluster, canonical, topic: topicNames(config).data, acceptNewTopic };
  const start = await startOffsets(where, mode, replayStart);
  const breaker = await breakerOf(canonical, start.topicId, connected);
  return { meter, liveWindow, start, breaker, undoGeneration: await undoGeneration(canonical) };
}

async function runOn(connected: Unprepared): Promise<RunResult> {
  const { config, logger, canonical, cluster } = connected;
  const { liveWindow, start, ...prepared } = await unlessStopped(connected.stop, () => prepare(connected));
  const options: Connected = { ...connected, ...prepared };
  const metrics = createMetrics(() => countUnhealedSoon(canonical));
  const observer = new RunObserver({ metrics, logger, now: () => performance.now() }, (read) => {
    options.progress(read, Number(start.records));
  });
  const watch = commits(options)
    ? options.watch?.({ cluster, metrics, logger, topicId: start.topicId })
    : undefined;
  const readiness = bothReady(observer.readiness, watch?.readiness);
  const http = options.serveHttp ? await startHttpServer(config, metrics, readiness) : undefined;
  if (http !== undefined) logger.info({ url: http.url }, 'serving /healthz, /readyz and /metrics');
  try {
    const running = runAll({ ...options, watching: watch }, observer, start);
    const { stopped, sweeps } = await retelling(running, canonical, connected.legacy);
    // Read the quarantine now, because stopping has finished the last transactions.
    const unseen = stopped === 'caught_up' ? (watch?.unseen() ?? []) : [];
    const quarantine = await countUnhealedSoon(canonical);
    return { ...observer.total, stopped, liveWindow, sweeps, unseen, quarantine };
  } finally {
    await watch?.stop();
    await http?.close();
  }
}

/** Runs the projector. If the run commits, the sweeper and the watch run beside it. */
async function runAll(
  options: Connected & { readonly watching: Watch | undefined },
  observer: RunObserver,
  start: StartOffsets,
): Promise<Pick<RunResult, 'stopped' | 'sweeps'>> {
  const { config, logger, cluster, meter, watching } = options;
  let sweeps = NO_SWEEPS;
  const projecting = projectorOptions(options, observer, start);
  const sweeper = new Sweeper({
    context: {
      ...projecting.context,
      graceSeconds: config.OWNERSHIP_GRACE_HOURS * 3600,
      parkedRetentionDays: config.PARKED_RETENTION_DAYS,
      meter,
    },
    logger,
    intervalSeconds: commits(options) ? config.SWEEP_INTERVAL_SECONDS : 0,
    swept: (result, seconds) => {
      sweeps = addSweep(sweeps, result);
      observer.swept(result, seconds);
    },
    failed: () => {
      observer.sweepFailed();
    },
  });
  if (watching !== undefined) await unlessStopped(options.stop, () => watching.begin());
  const projector = await unlessStopped(options.stop, () => Projector.start(projecting));
  try {
    const beside = watching === undefined ? [sweeper.run()] : [sweeper.run(), watching.run()];
    const stopped = await Promise.race([untilDone(projector, options), ...beside]);
    // A run that ends by itself sweeps once more, so that its report covers live rows that came after their legacy
    // rows.
    if (stopped === 'caught_up' && commits(options)) {
      await sweeper.once();
      await watching?.once();
    }
    return { stopped, sweeps };
  } finally {
    await Promise.all([settledWithin(SWEEP_WITHIN_MS, sweeper.stop()), projector.stop()]);
    if (!commits(options)) await settledWithin(FORGET_WITHIN_MS, cluster.deleteGroup(groupOf(options)));
  }
}

async function untilDone(
  projector: Projector,
  { untilCaughtUp, stop }: RunOptions,
): Promise<RunResult['stopped']> {
  const asked = new Promise<'signal'>((resolve) => {
    if (stop.aborted) resolve('signal');
    stop.addEventListener('abort', () => {
      resolve('signal');
    });
  });
  const ends: Promise<RunResult['stopped']>[] = [projector.failed, asked];
  if (untilCaughtUp) ends.push(projector.caughtUp().then(() => 'caught_up'));
  return await Promise.race(ends);
}

function projectorOptions(
  options: Connected,
  observer: RunObserver,
  { startAt, stored }: StartOffsets,
): ProjectorOptions {
  const { config, logger, mode, dryRun, cluster, canonical, legacy, meter } = options;
  const accepted = new Set(options.acceptedTruncates);
  return {
    cluster,
    logger,
    commits: commits(options),
    dryRun,
    topic: topicNames(config).data,
    observer,
    context: {
      canonical,
      legacy,
      optOutPolicy: config.OPT_OUT_POLICY,
      graceSeconds: config.OWNERSHIP_GRACE_HOURS * 3600,
      undoGeneration: options.undoGeneration,
      matching: { ...matchingOf(config), floorUs: meter.floorUs, firstLiveUs: meter.firstLiveUs },
    },
    decode: createDecoder(schemaLookupOf(config), config.UNAVAILABLE_PLACEHOLDER, {
      parkUnusable: options.parkUnusableSchema === true,
      maxBytes: config.RECORD_MAX_BYTES,
    }),
    group: groupOf(options),
    groups: config.CONSUMER_GROUP,
    bounds: { rows: config.BATCH_ROWS, bytes: config.BATCH_BYTES },
    partitionsAtOnce: config.PARTITIONS_AT_ONCE,
    breaker: options.breaker,
    startAt,
    acceptNewTopic: options.acceptNewTopic,
    deciding: decidingSettings(config),
    acceptNewSettings: options.acceptNewSettings === true,
    isAcceptedTruncate: (partition, offset) =>
      accepted.has(`${String(partition)}:${String(offset)}`) ||
      // A replay reads records again that the projectors have passed.
      (mode === 'replay' && offset < (stored.get(partition)?.nextOffset ?? 0n)),
  };
}

function commits({ mode, dryRun }: Pick<RunOptions, 'mode' | 'dryRun'>): boolean {
  return mode === 'project' && !dryRun;
}

/** A replay or a dry run reads beside the projectors, in a consumer group of its own, which is deleted at the end. */
function groupOf(options: Pick<RunOptions, 'config' | 'mode' | 'dryRun'>): string {
  const { CONSUMER_GROUP: group } = options.config;
  return commits(options) ? group : `${group}.${options.mode}.${String(process.pid)}`;
}
