/** What becomes of stdout while a command works. */
export interface Output {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Fires when nobody can read stdout any more. A command that would print for ever ends then. */
  readonly lost: AbortSignal;
  /** Why stdout could not be written; undefined where it could be, or where its reader has closed the pipe. */
  readonly problem: () => Error | undefined;
  /** Resolves when both streams have taken what was written: a pipe holds only 64 kB. */
  readonly flushed: () => Promise<void>;
}

type Stream = Pick<NodeJS.WriteStream, 'write' | 'on'>;

/**
 * A reader that closes the pipe early (`history-cdc config | head`) is not an error, and does not end the command: the
 * command works on without output, so that its exit code is its verdict. Otherwise `reconcile | true` would end with 0
 * whatever it finds. Any other failure to write (a full disk) is kept as a problem, because the answer is incomplete.
 */
export function createOutput(out: Stream, err: Stream): Output {
  const lost = new AbortController();
  let problem: Error | undefined;
  const onError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && !lost.signal.aborted) problem = error;
    lost.abort();
  };
  out.on('error', onError);
  // Where stderr is gone, there is no place to say so.
  err.on('error', () => undefined);
  return {
    stdout: (text) => {
      if (!lost.signal.aborted) attempt(() => out.write(text), onError);
    },
    stderr: (text) => {
      attempt(
        () => err.write(text),
        () => undefined,
      );
    },
    lost: lost.signal,
    problem: () => problem,
    flushed: async () => {
      await Promise.all([flushed(out), flushed(err)]);
    },
  };
}

/** Writing to a file throws; writing to a pipe emits an error. */
function attempt(write: () => void, onError: (error: NodeJS.ErrnoException) => void): void {
  try {
    write();
  } catch (error) {
    onError(error as NodeJS.ErrnoException);
  }
}

async function flushed(stream: Stream): Promise<void> {
  await new Promise<void>((resolve) => {
    attempt(
      () =>
        stream.write('', () => {
          resolve();
        }),
      () => {
        resolve();
      },
    );
  });
}
