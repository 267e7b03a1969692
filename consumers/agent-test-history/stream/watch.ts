import type { Readiness } from '../../../lib/http.ts';
import type { KafkaCluster } from '../../../lib/kafka-cluster.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Metrics } from '../../../lib/metrics.ts';

/** What watches over source and stream beside a projector that commits. It never holds a transaction up. */
export interface Watch {
  /** Before the projector begins: throws what must keep it from beginning. */
  begin(): Promise<void>;
  /** Looks again and again; rejects with what must stop the projector. */
  run(): Promise<never>;
  /** One more look, for a run that ends by itself. */
  once(): Promise<void>;
  stop(): Promise<void>;
  /** Why the projector does no useful work, though it could, or why nobody can tell whether rows are missing. */
  readonly readiness: Readiness;
  /** What the last look could not see, one phrase each: then nobody can tell whether rows are missing from the topic. */
  unseen(): readonly string[];
}

export interface WatchTools {
  readonly cluster: KafkaCluster;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Of the topic that is projected. */
  readonly topicId: string;
}

/** The first reason of the two. */
export function bothReady(first: Readiness, second: Readiness | undefined): Readiness {
  return () => {
    const answer = first();
    return answer.ready && second !== undefined ? second() : answer;
  };
}
