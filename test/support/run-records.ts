import { createDecoder, type Decoder } from '../../consumers/agent-test-history/record/decode.ts';
import { Commit, type SessionMode } from '../../consumers/agent-test-history/stream/commit.ts';
import { PartitionSession } from '../../consumers/agent-test-history/stream/partition-session.ts';
import type { PipelineContext } from '../../consumers/agent-test-history/pipeline.ts';
import { QuarantineBreaker } from '../../consumers/agent-test-history/batch/quarantine-breaker.ts';
import {
  accumulate,
  emptyResult,
  type BatchResult,
} from '../../consumers/agent-test-history/batch/result.ts';
import { Turns } from '../../consumers/agent-test-history/stream/turns.ts';
import type { Matching } from '../../consumers/agent-test-history/twins/matching.ts';
import type { TopicRecord } from '../../lib/kafka-consumer.ts';
import { PLACEHOLDER, type Message } from './records.ts';

export const TOPIC_ID = '0b6b6f2e-1d5c-4b7e-8a3f-9c2d4e6f8a10';
/** As the settings' defaults have it; and every row may have a twin. */
export const MATCHING: Matching = {
  windowUs: 120_000_000n,
  settleAfterUs: 720_000_000n,
  floorUs: () => -(2n ** 62n),
};
export const jsonDecoder = createDecoder(undefined, PLACEHOLDER);

export interface SessionRun {
  readonly context: PipelineContext;
  readonly mode: SessionMode;
  readonly records: readonly TopicRecord[];
  /** Records a transaction, at most. */
  readonly rows: number;
  readonly topicId?: string;
  readonly partition?: number;
  readonly decode?: Decoder;
  /** None is off. */
  readonly breaker?: QuarantineBreaker;
  readonly isAcceptedTruncate?: (partition: number, offset: bigint) => boolean;
  readonly committed?: (result: BatchResult, nextOffset: bigint) => void;
  readonly retrying?: (error: Error) => void;
}

/** Numbers messages as they would lie in a partition. */
export function asRecords(messages: readonly Message[], firstOffset: bigint): TopicRecord[] {
  return messages.map(({ key, value, headers }, index) => ({
    offset: firstOffset + BigInt(index),
    timestampMs: 0,
    key,
    value,
    ...(headers === undefined ? {} : { headers }),
  }));
}

/** What a fetch reads that brings these records and nothing else. */
export function fetchOf(records: readonly TopicRecord[]) {
  return { records, batches: [], nextOffset: (records.at(-1)?.offset ?? -1n) + 1n };
}

/** Tests of the quarantine park more than any topic should. */
export function noBreaker(): QuarantineBreaker {
  return new QuarantineBreaker({ maxShare: 1, window: 1 });
}

/** Takes records through a session of the projector, bytes to COMMIT, and sums up what it reports. */
export async function runRecords(run: SessionRun): Promise<BatchResult> {
  const { records } = run;
  const total = emptyResult();
  const [first, last] = [records[0], records.at(-1)];
  if (first === undefined || last === undefined) throw new Error('a session was given nothing to do');
  let reachedEnd: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (reachedEnd = resolve));
  const partition = run.partition ?? 0;
  const commit = new Commit({
    context: run.context,
    breaker: run.breaker ?? noBreaker(),
    committed: ({ offsets, result }) => {
      const nextToApply = offsets.get(partition) ?? 0n;
      accumulate(total, result);
      run.committed?.(result, nextToApply);
      if (nextToApply > last.offset) reachedEnd();
    },
    retrying: (_partition, error) => {
      run.retrying?.(error);
    },
  });
  const session = new PartitionSession({
    decode: run.decode ?? jsonDecoder,
    bounds: { rows: run.rows, bytes: Number.MAX_SAFE_INTEGER },
    topicId: run.topicId ?? TOPIC_ID,
    partition,
    firstOffset: first.offset,
    mode: run.mode,
    turns: new Turns(1, commit),
    isAcceptedTruncate: run.isAcceptedTruncate ?? (() => false),
  });
  const running = session.run();
  await session.accept(fetchOf(records));
  await Promise.race([running, ended]);
  session.close();
  await running;
  return total;
}
