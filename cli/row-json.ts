type Camel<S> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail> & string>}` : S;

/** The type of a Postgres row, or of an object with rows, in the names and forms of an answer. */
export type RowJson<T> = T extends Date
  ? string
  : T extends readonly (infer E)[]
    ? RowJson<E>[]
    : T extends object
      ? { [K in keyof T as Camel<K>]: RowJson<T[K]> }
      : T;

/**
 * Turns the snake_case columns of rows into the camelCase keys of an answer, and every time (a `Date`, or a text in a
 * column whose name ends in `_at`) into ISO 8601. Not for objects whose keys are data.
 */
export function rowJson<T>(value: T): RowJson<T> {
  return converted(value) as RowJson<T>;
}

function converted(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(converted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      camelCase(name),
      name.endsWith('_at') && typeof part === 'string' ? isoTime(part) : converted(part),
    ]),
  );
}

export function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Turns Postgres's text of a timestamptz in UTC into ISO 8601, which has no form for infinity and years BC: they stay.
 */
export function isoTime(text: string): string {
  return text.replace(/^(\d{4,6}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)\+00(?::00)?$/, '$1T$2Z');
}
