/** A graceful stop takes this long at most; then the transactions in hand are rolled back by the disconnect. */
const STOP_WITHIN_MS = 9_000;

/**
 * Fires at SIGTERM or SIGINT. Whoever listens has `STOP_WITHIN_MS` to finish; after that the process ends all the same,
 * which loses nothing: what is not committed is still in the topic.
 */
export function stopOnSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    controller.abort();
    setTimeout(() => {
      process.stderr.write('the graceful stop took too long; the open transactions are rolled back\n');
      // Open connections would keep the process alive.
      process.kill(process.pid, 'SIGKILL');
    }, STOP_WITHIN_MS).unref();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  return controller.signal;
}
