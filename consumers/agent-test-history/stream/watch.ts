import type { Readiness } from '../../../lib/http.ts';
import type { KafkaCluster } from '../../../lib/kafka-cluster.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Metrics } from '../../../lib/metrics.ts';

/** The watch over source and stream, which runs beside a projector that commits. It never delays a transaction. */
export interface Watch {
  /** Called before the projector begins. Throws if the projector must not begin. */
  begin(): Promise<void>;
  /** Looks again and again. Rejects with the error that must stop the projector. */
  run(): Promise<never>;
  /** Looks once more, at the end of a run that ends by itself. */
  once(): Promise<void>;
  stop(): Promise<void>;
  /** Why the projector does no useful work although it could, or that a break could not be seen; undefined if all is well. */
  readonly readiness: Readiness;
  /**
   * What the last look could not see, one phrase each: then nobody can tell whether rows are missing from the topic.
   */
  unseen(): readonly string[];
}

export interface WatchTools {
  readonly cluster: KafkaCluster;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** The id of the topic that is projected. */
  readonly topicId: string;
}

/** Combines two checks of readiness: the first reason counts. */
export function bothReady(first: Readiness, second: Readiness | undefined): Readiness {
  return () => {
    const answer = first();
    return answer.ready && second !== undefined ? second() : answer;
  };
}

/** Two that watch beside each other, as one. */
export function bothWatch(first: Watch, second: Watch): Watch {
  const both = [first, second];
  return {
    begin: async () => {
      for (const one of both) await one.begin();
    },
    run: () => Promise.race([first.run(), second.run()]),
    once: async () => {
      for (const one of both) await one.once();
    },
    stop: async () => {
      await Promise.all(both.map((one) => one.stop()));
    },
    readiness: bothReady(first.readiness, second.readiness),
    unseen: () => both.flatMap((one) => one.unseen()),
  };
}
