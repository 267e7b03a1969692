import { messageOf } from '../../lib/errors.ts';
import { within } from '../../lib/within.ts';

/** What a question came to: the value, or the short reason why it is not known. */
export type Answer<T> =
  | {
      readonly known: true;
      readonly value: T;
      /** When it was given, if it may be older than the look. */
      readonly at?: Date;
    }
  | { readonly known: false; readonly why: string; readonly cause?: unknown };

const WITHIN_MS = 10_000;

export function known<T>(value: T): Answer<T> {
  return { known: true, value };
}

export function valueOf<T>(answer: Answer<T>): T | undefined {
  return answer.known ? answer.value : undefined;
}

/** For a command that cannot go on without the answer: throws the error of the question itself. */
export function required<T>(answer: Answer<T>): T {
  if (answer.known) return answer.value;
  throw answer.cause ?? new Error(answer.why);
}

/** Asks, for so long and no longer. The reason of a failure is the first line of its error. */
export async function answerOf<T>(ask: () => Promise<T>, withinMs = WITHIN_MS): Promise<Answer<T>> {
  try {
    return known(await within(withinMs, ask));
  } catch (error) {
    return { known: false, why: firstLine(messageOf(error)), cause: error };
  }
}

function firstLine(text: string): string {
  const [line = ''] = text.split('\n');
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
