import type { KafkaCluster } from '../../../lib/kafka-cluster.ts';
import type { Logger } from '../../../lib/log.ts';
import type { ChunkBounds } from './chunk-queue.ts';
import type { Decoder } from '../record/decode.ts';
import type { StoredOffset } from '../batch/offsets.ts';
import type { PipelineContext } from '../pipeline.ts';
import type { QuarantineBreaker } from '../batch/quarantine-breaker.ts';
import type { BatchResult } from '../batch/result.ts';

/** `project` goes on where the last commit ended; `replay` reads again what has been read. */
export type ProjectorMode = 'project' | 'replay';

export interface ProjectorOptions {
  readonly cluster: KafkaCluster;
  readonly context: PipelineContext & Required<Pick<PipelineContext, 'undoGeneration'>>;
  readonly decode: Decoder;
  readonly logger: Logger;
  /**
   * Commits under a claim, with the offset. Without it the projector reads beside the others: with a group of its own,
   * and without moving any stored offset.
   */
  readonly commits: boolean;
  /** Without commits: whether every transaction is rolled back. */
  readonly dryRun: boolean;
  readonly topic: string;
  readonly group: string;
  /** What the names of such groups begin with. */
  readonly groups: string;
  readonly bounds: ChunkBounds;
  /** Transactions at once. */
  readonly partitionsAtOnce: number;
  readonly breaker: QuarantineBreaker;
  /** Where a replay or a dry run begins; partitions that are missing begin at the start of the topic. */
  readonly startAt: ReadonlyMap<number, Pick<StoredOffset, 'nextOffset' | 'lastBatch'>>;
  readonly acceptNewTopic: boolean;
  /** True for a truncate of the legacy table that was met before, or that a person accepts. */
  readonly isAcceptedTruncate: (partition: number, offset: bigint) => boolean;
  readonly observer: ProjectorObserver;
}

/** What happens in a projector, told to metrics, health and progress. */
export interface ProjectorObserver {
  assigned(partitions: readonly AssignedPartition[]): void;
  fetched(partition: number, highWatermark: bigint): void;
  /** A broker answered; it does so every few seconds, also when there is nothing to read. */
  kafkaAnswered(): void;
  committed(commit: Committed): void;
  retrying(partition: number, error: Error): void;
}

export interface AssignedPartition {
  readonly partition: number;
  /** The next offset to apply. */
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
}

export interface Committed {
  /** By partition, the next offset to apply. */
  readonly offsets: ReadonlyMap<number, bigint>;
  readonly result: BatchResult;
  readonly seconds: number;
}
