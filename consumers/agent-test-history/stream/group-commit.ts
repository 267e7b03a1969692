import { messageOf } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/log.ts';

const PAUSE_MS = 1_000;

/**
 * Tells Kafka how far the group is: once a second at most, and once more at the end. Only lag tools read it, so a
 * failure is no reason to do anything but wait for the next one: what counts is the offset in Postgres.
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
        'the group did not take our offsets; the next ones will do',
      );
    }
  }
}
