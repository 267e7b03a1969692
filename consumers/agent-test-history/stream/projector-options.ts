import type { KafkaCluster } from '../../../lib/kafka-cluster.ts';
import type { Logger } from '../../../lib/log.ts';
import type { ChunkBounds } from './chunk-queue.ts';
import type { Decoder } from '../record/decode.ts';
import type { DecidingSettings } from '../batch/deciding-settings.ts';
import type { StoredOffset } from '../batch/offsets.ts';
import type { PipelineContext } from '../pipeline.ts';
import type { QuarantineBreaker } from '../batch/quarantine-breaker.ts';
import type { BatchResult } from '../batch/result.ts';

/** `project` continues after the last commit; `replay` reads records again that have been read. */
export type ProjectorMode = 'project' | 'replay';

export interface ProjectorOptions {
  readonly cluster: KafkaCluster;
  readonly context: PipelineContext & Required<Pick<PipelineContext, 'undoGeneration'>>;
  readonly decode: Decoder;
  readonly logger: Logger;
  /**
   * True: the projector claims its partitions, and commits each offset with its effects. False: it reads beside the
   * other projectors, in a consumer group of its own, and moves no stored offset.
   */
  readonly commits: boolean;
  /** True if every transaction is rolled back (only without `commits`). */
  readonly dryRun: boolean;
  readonly topic: string;
  readonly group: string;
  /** The prefix of the names of such groups. */
  readonly groups: string;
  readonly bounds: ChunkBounds;
  /** The maximum number of transactions at once. */
  readonly partitionsAtOnce: number;
  readonly breaker: QuarantineBreaker;
  /**
   * The first offset of a replay or a dry run, by partition. A partition that is missing here begins at its first
   * offset.
   */
  readonly startAt: ReadonlyMap<number, Pick<StoredOffset, 'nextOffset' | 'lastBatch'>>;
  readonly acceptNewTopic: boolean;
  /** The settings by which this projector decides, and whether a person accepts them in place of the recorded ones. */
  readonly deciding: DecidingSettings;
  readonly acceptNewSettings: boolean;
  /** True for a truncate of the legacy table that was met before, or that a person accepts. */
  readonly isAcceptedTruncate: (partition: number, offset: bigint) => boolean;
  readonly observer: ProjectorObserver;
}

/** Hears what happens in a projector. Metrics, health and progress are made from it. */
export interface ProjectorObserver {
  assigned(partitions: readonly AssignedPartition[]): void;
  fetched(partition: number, highWatermark: bigint): void;
  /** A broker answered. This happens every few seconds, even if there is nothing to read. */
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
  /** The next offset to apply, by partition. */
  readonly offsets: ReadonlyMap<number, bigint>;
  readonly result: BatchResult;
  readonly seconds: number;
}
