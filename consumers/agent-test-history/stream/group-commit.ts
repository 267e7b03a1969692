import { messageOf } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/log.ts';

const PAUSE_MS = 1_000;

/**
 * Commits the group's offsets to Kafka, at most once per second and once at the end. Only lag tools read them; the
 * offset in Postgres is the one that counts. So a failed commit is only logged.
 */
export class GroupCommit {
  readonly #commit: () => Promise<void>;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;

  constructor(commit: () => Promise<void>, logger: Logger) {
    this.#commit = commit;
    this.#logger = logger;
  }

  schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#tryToCommit();
    }, PAUSE_MS).unref();
  }

  async last(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#tryToCommit();
  }

  async #tryToCommit(): Promise<void> {
    try {
      await this.#commit();
    } catch (error) {
      this.#logger.debug(
        { reason: messageOf(error) },
        'the offsets could not be committed to the consumer group; the next commit will include them',
      );
    }
  }
}
