import { messageOf } from '../../../lib/errors.ts';
import type { Readiness } from '../../../lib/http.ts';
import type { Logger } from '../../../lib/log.ts';
import { forget } from '../../../lib/metric-kinds.ts';
import type { Metrics } from '../../../lib/metrics.ts';
import { ConnectionLost } from '../../../lib/postgres-session.ts';
import { sqlState } from '../../../lib/postgres-errors.ts';
import { accumulate, emptyResult, type BatchResult } from '../batch/result.ts';
import type { SweepResult } from '../sweep/sweep.ts';
import type { AssignedPartition, Committed, ProjectorObserver } from './projector-options.ts';

/** A partition that has records and commits nothing for this long stands still. A transaction takes about a second. */
const STUCK_AFTER_MS = 20_000;
/** After this silence Kafka counts as away. A broker answers a heartbeat every 3 s, and each fetch within 0.5 s. */
const KAFKA_SILENT_AFTER_MS = 15_000;

interface PartitionState {
  highWatermark: bigint;
  nextOffset: bigint;
  lastMovement: number;
}

interface ObserverTools {
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** A clock in milliseconds that only moves forward. */
  readonly now: () => number;
}

/** Observes a projector, and keeps the totals for its report, its metrics, its readiness, and the lines of its log. */
export class RunObserver implements ProjectorObserver {
  readonly total = emptyResult();
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #progress: (read: number) => void;
  readonly #partitions = new Map<number, PartitionState>();
  /** Why the last transaction of a partition failed, by partition. */
  readonly #failing = new Map<number, string>();
  #assigned = false;
  #kafkaAnsweredAt: number | undefined;

  constructor({ metrics, logger, now }: ObserverTools, progress: (read: number) => void) {
    this.#metrics = metrics;
    this.#logger = logger;
    this.#now = now;
    this.#progress = progress;
    metrics.beforeScrape(() => {
      this.#showLags();
    });
  }

  assigned(partitions: readonly AssignedPartition[]): void {
    this.#assigned = true;
    this.#partitions.clear();
    this.#failing.clear();
    this.#metrics.lag.reset();
    this.#metrics.assignedPartitions.set(partitions.length);
    for (const { partition, nextOffset, highWatermark } of partitions) {
      const state = { highWatermark, nextOffset, lastMovement: this.#now() };
      this.#partitions.set(partition, state);
      this.#showLag(partition, state);
    }
    this.#logger.info({ partitions: partitions.map(({ partition }) => partition) }, 'partitions assigned');
  }

  kafkaAnswered(): void {
    this.#kafkaAnsweredAt = this.#now();
  }

  fetched(partition: number, highWatermark: bigint): void {
    const state = this.#partitions.get(partition);
    if (state === undefined) return;
    // The partition had nothing to do until now. Waiting for records is not a standstill.
    if (state.nextOffset >= state.highWatermark) state.lastMovement = this.#now();
    state.highWatermark = highWatermark;
    this.#showLag(partition, state);
  }

  committed({ offsets, result, seconds }: Committed): void {
    accumulate(this.total, result);
    this.#progress(this.total.read);
    for (const [partition, nextOffset] of offsets) this.#moved(partition, nextOffset);
    this.#count(result, seconds);
    if (result.records.quarantined > 0) {
      const nextOffsets = Object.fromEntries(
        [...offsets].map(([partition, offset]) => [partition, String(offset)]),
      );
      this.#logger.warn({ nextOffsets, records: result.records.quarantined }, 'records quarantined');
    }
  }

  #moved(partition: number, nextOffset: bigint): void {
    this.#failing.delete(partition);
    const state = this.#partitions.get(partition);
    if (state === undefined) return;
    state.nextOffset = nextOffset;
    state.lastMovement = this.#now();
    this.#showLag(partition, state);
  }

  retrying(partition: number, error: Error): void {
    this.#metrics.retries.inc();
    if (!this.#failing.has(partition)) {
      this.#logger.warn(
        { partition, setting: settingOf(error), reason: messageOf(error) },
        'Postgres does not carry out a transaction; nothing is lost, and the transaction is tried again',
      );
    }
    this.#failing.set(partition, `Postgres does not carry out its transaction (${codeOf(error)})`);
  }

  swept({ absorbed, relinked, lateOwners }: SweepResult, seconds: number): void {
    const metrics = this.#metrics;
    metrics.sweepSeconds.observe(seconds);
    metrics.sweepRepairs.inc({ repair: 'absorbed' }, absorbed.length);
    metrics.sweepRepairs.inc({ repair: 'relinked' }, relinked.length);
    metrics.sweepRepairs.inc({ repair: 'late_owner' }, lateOwners.flipped.size);
    metrics.lateOwnersReported.set(lateOwners.reported.length);
  }

  sweepFailed(): void {
    this.#metrics.sweepFailures.inc();
  }

  readonly readiness: Readiness = () => {
    if (!this.#assigned)
      return { ready: false, reason: 'the consumer group has not assigned any partition yet' };
    const silentMs = this.#kafkaSilentMs();
    if (silentMs > KAFKA_SILENT_AFTER_MS)
      return { ready: false, reason: `Kafka has not answered for ${secondsText(silentMs)}` };
    const standing = [...this.#partitions].flatMap(([partition, state]) =>
      this.#standstill(partition, state),
    );
    return standing.length === 0 ? { ready: true } : { ready: false, reason: standing.join('; ') };
  };

  /** A line for a partition that stands still: where, for how long, and why. Empty if it moves or has nothing to do. */
  #standstill(partition: number, { highWatermark, nextOffset, lastMovement }: PartitionState): string[] {
    const failing = this.#failing.get(partition);
    const forMs = this.#now() - lastMovement;
    if (failing === undefined && (nextOffset >= highWatermark || forMs <= STUCK_AFTER_MS)) return [];
    const where = `partition ${String(partition)} stands at offset ${String(nextOffset)} for ${secondsText(forMs)}, and the topic ends at ${String(highWatermark)}`;
    return [`${where}: ${failing ?? 'none of its transactions is committed'}`];
  }

  /** While Kafka is silent the last lag says nothing about now, so there is none. */
  #showLags(): void {
    forget(this.#metrics.lag);
    if (this.#kafkaSilentMs() > KAFKA_SILENT_AFTER_MS) return;
    for (const [partition, state] of this.#partitions) this.#showLag(partition, state);
  }

  #kafkaSilentMs(): number {
    return this.#now() - (this.#kafkaAnsweredAt ?? this.#now());
  }

  #showLag(partition: number, { highWatermark, nextOffset }: PartitionState): void {
    const lag = highWatermark > nextOffset ? highWatermark - nextOffset : 0n;
    this.#metrics.lag.set({ partition }, Number(lag));
  }

  #count({ read, records, decisions, leftOut, changes }: BatchResult, seconds: number): void {
    const metrics = this.#metrics;
    for (const [outcome, count] of Object.entries(records)) metrics.records.inc({ outcome }, count);
    for (const [decision, count] of Object.entries(decisions)) metrics.decisions.inc({ decision }, count);
    for (const [column, count] of Object.entries(leftOut)) metrics.valuesLeftOut.inc({ column }, count);
    metrics.canonicalRows.inc({ operation: 'insert' }, changes.runsInserted);
    metrics.canonicalRows.inc({ operation: 'update' }, changes.runsUpdated);
    metrics.canonicalRows.inc({ operation: 'delete' }, changes.runsDeleted);
    metrics.batchSeconds.observe(seconds);
    metrics.batchRecords.observe(read);
    metrics.lastCommit.setToCurrentTime();
  }
}

function secondsText(ms: number): string {
  return `${String(Math.round(ms / 1000))} s`;
}

/** The setting that names the database, if the error tells it. */
function settingOf(error: Error): string | undefined {
  const setting = error instanceof ConnectionLost ? error.facts['setting'] : undefined;
  return setting === undefined ? undefined : String(setting);
}

/** Only the code is shown, because the message may quote values of a row. */
function codeOf(error: Error): string {
  if (error instanceof ConnectionLost)
    return ['no connection, or no answer', settingOf(error) ?? []].flat().join(' at ');
  return sqlState(error) ?? ('code' in error ? String(error.code) : error.name);
}
