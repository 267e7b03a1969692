/** The process was asked to stop before its work began. */
export class StoppedEarly extends Error {
  override readonly name = 'StoppedEarly';
}

/** The result of the work. If the signal fires first, throws `StoppedEarly` at once and leaves the work to itself. */
export async function unlessStopped<T>(stop: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (stop.aborted) throw new StoppedEarly();
  let forget: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    const tell = () => {
      reject(new StoppedEarly());
    };
    stop.addEventListener('abort', tell);
    forget = () => {
      stop.removeEventListener('abort', tell);
    };
  });
  try {
    return await Promise.race([work(), stopped]);
  } finally {
    forget();
  }
}
