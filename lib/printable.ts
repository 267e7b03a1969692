/**
 * Control characters of C0, DEL and C1, characters that change the direction of text, and Unicode's two line
 * separators.
 */
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A text in one line, without any character that a terminal obeys: each becomes its escape, as JSON writes it. Values
 * of the application go through this before they stand beside our own words. Otherwise a line break inside a value
 * could print a line that looks like one of ours.
 */
export function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/**
 * The same for a whole answer, whose own line breaks and tabs stay. Everything that a command writes goes through this.
 * Without it, a summary with control characters clears the terminal of the person who runs `explain`. In JSON such
 * characters stand in strings only, so that the answer stays the same JSON.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (one) => (one === '\n' || one === '\t' ? one : escaped(one)));
}

function escaped(one: string): string {
  return SHORT[one] ?? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
