import { blameOf, isEnvironmentError } from '../../../lib/postgres-errors.ts';
import { untilEnvironmentAllows } from '../../../lib/retry.ts';
import { cut, type Chunk } from './chunk.ts';
import { withoutRefused } from '../record/event.ts';
import { storedOffsetsInTime, type Claim, type Step } from '../batch/offsets.ts';
import { projectBatch, type PipelineContext } from '../pipeline.ts';
import type { Committed } from './projector-options.ts';
import type { QuarantineBreaker } from '../batch/quarantine-breaker.ts';
import type { BatchResult } from '../batch/result.ts';
import type { RowsAtOnce } from './rows-at-once.ts';

/** How a partition is projected: under a claim, whose stored offset moves, or without moving any offset. */
export type SessionMode =
  { readonly kind: 'commit'; readonly claim: Claim } | { readonly kind: 'replay' | 'dry_run' };

/** The part of a partition's session that a transaction needs. */
export interface Holder {
  readonly topicId: string;
  readonly partition: number;
  readonly mode: SessionMode;
  /** Fires when the partition is lost or the projector stops. Nothing is tried again after that. */
  readonly signal: AbortSignal;
  readonly pace: RowsAtOnce;
  /** The effects of all records before this offset are committed. */
  applied(nextOffset: bigint): void;
}

/** A chunk of one partition that is to be committed. */
export interface Part {
  readonly holder: Holder;
  readonly chunk: Chunk;
  /**
   * True if a transaction with this chunk failed. It may be committed anyway, because the answer to a COMMIT can be
   * lost.
   */
  readonly tried: boolean;
}

export interface CommitOptions {
  readonly context: PipelineContext;
  readonly breaker: QuarantineBreaker;
  /** `seconds` is the time in Postgres, including retries. */
  committed(commit: Committed): void;
  /** A transaction with this partition failed because of the environment, and will be tried again. */
  retrying(partition: number, error: Error): void;
}

/**
 * Commits chunks, in one transaction if possible and otherwise in smaller ones. It retries faults of the environment,
 * recognises its own COMMIT if the answer was lost, and isolates a row that Postgres refuses. So that row is
 * quarantined and all others flow. All sessions of a process share one committer.
 */
export class Commit {
  readonly #options: CommitOptions;

  constructor(options: CommitOptions) {
    this.#options = options;
  }

  /**
   * Commits the parts, and returns those that are not committed. Several parts are tried once, in one transaction. If
   * that fails, all of them are returned, and the caller must commit each alone. So only the part that cannot be
   * committed waits or fails. A part that is given alone is committed, or the error that stops its partition is thrown.
   */
  async project(parts: readonly Part[]): Promise<readonly Part[]> {
    const [only, ...others] = parts;
    if (only === undefined) return [];
    if (others.length === 0) {
      await this.#alone(only);
      return [];
    }
    try {
      await this.#transaction(parts, (token) => this.#attempt(parts, token, false));
      return [];
    } catch (error) {
      if (error instanceof Error && isEnvironmentError(error))
        for (const { holder } of parts) this.#options.retrying(holder.partition, error);
      return parts.map((part) => ({ ...part, tried: true }));
    }
  }

  /**
   * Commits in one transaction, or in several smaller ones if the last transaction of the partition ran out of time.
   */
  async #alone(part: Part): Promise<void> {
    let rest: Chunk | undefined = part.chunk;
    while (rest !== undefined) {
      const [first, behind]: [Chunk, Chunk?] = cut(rest, part.holder.pace.rows);
      await this.#piece({ ...part, chunk: first });
      rest = behind;
    }
  }

  async #piece(part: Part): Promise<void> {
    const { holder, chunk } = part;
    try {
      await this.#transaction([part], (token) => this.#retried(part, token));
      holder.pace.passed();
    } catch (error) {
      switch (blameOf(error)) {
        case 'row':
        case 'race':
          for (const smaller of withFaultIsolated(chunk, error))
            await this.#alone({ holder, chunk: smaller, tried: false });
          break;
        case 'slow':
          holder.pace.ranOutOfTime(chunk.events.length);
          await this.#alone({ holder, chunk, tried: false });
          break;
        default:
          throw error;
      }
    }
  }

  /** Runs a transaction and reports how it ended. `token` is its place in the breaker's window. */
  async #transaction(parts: readonly Part[], work: (token: symbol) => Promise<BatchResult>): Promise<void> {
    const { breaker } = this.#options;
    const token = Symbol('transaction');
    const start = performance.now();
    const result = await work(token).catch((error: unknown) => {
      breaker.withdraw(token);
      throw error;
    });
    for (const { holder, chunk } of parts) holder.applied(chunk.to);
    const offsets = new Map(parts.map(({ holder, chunk }) => [holder.partition, chunk.to]));
    this.#options.committed({ offsets, result, seconds: (performance.now() - start) / 1000 });
  }

  async #retried(part: Part, token: symbol): Promise<BatchResult> {
    const { holder, chunk, tried } = part;
    return await untilEnvironmentAllows((attempt) => this.#attempt([part], token, tried || attempt > 1), {
      signal: holder.signal,
      // A single row cannot be split. It is tried until it passes, and meanwhile its partition reports a standstill.
      givesUp: (error) => chunk.events.length > 1 && blameOf(error) === 'slow',
      retrying: (error) => {
        this.#options.retrying(holder.partition, error);
      },
    });
  }

  async #attempt(parts: readonly Part[], token: symbol, tried: boolean): Promise<BatchResult> {
    const { context, breaker } = this.#options;
    const events = parts.flatMap(({ chunk }) => chunk.events);
    const steps = parts.flatMap(stepOf);
    const isCommitted = tried && steps.length > 0 && (await this.#isCommitted(steps));
    if (steps.length > 0 && !isCommitted)
      return await projectBatch(context, {
        events,
        mode: { kind: 'commit', steps },
        admit: (fates) => breaker.admit(token, fates),
      });
    const [{ holder }] = parts as [Part];
    const kind = holder.mode.kind === 'dry_run' ? 'dry_run' : 'replay';
    return await projectBatch(context, {
      events,
      mode: { kind, topicId: holder.topicId, partition: holder.partition },
      // Records that are committed already count as duplicates. They have their place in the breaker's window already.
      admit: isCommitted ? () => undefined : (fates) => breaker.admit(token, fates),
    });
  }

  /**
   * True if the stored offsets are where these steps lead, under their claims: then the answer to our COMMIT was lost.
   */
  async #isCommitted(steps: readonly Step[]): Promise<boolean> {
    for (const { claim, to } of steps) {
      const stored = await storedOffsetsInTime(this.#options.context.canonical, claim.topicId);
      const { epoch, nextOffset } = stored.get(claim.partition) ?? {};
      if (epoch !== claim.epoch || nextOffset !== to) return false;
    }
    return true;
  }
}

/** How far a part moves its stored offset; none if it has no claim. */
function stepOf({ holder: { mode }, chunk: { from, to, batch } }: Part): Step[] {
  return mode.kind === 'commit' ? [{ claim: mode.claim, from, to, batch }] : [];
}

/** The halves of a chunk that Postgres refuses. A single event is replaced by one that will be parked. */
function withFaultIsolated(chunk: Chunk, error: unknown): readonly Chunk[] {
  const [only, ...others] = chunk.events;
  if (only === undefined) throw error;
  if (others.length === 0) return [{ ...chunk, events: [withoutRefused(only, error)] }];
  const [first, second] = cut(chunk, Math.ceil(chunk.events.length / 2));
  return second === undefined ? [first] : [first, second];
}
