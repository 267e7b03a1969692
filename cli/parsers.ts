import { InvalidArgumentError } from 'commander';

/** A whole number from `min` to `max`. */
export function whole(min: number, max = 999_999_999): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,10}$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${String(min)} to ${String(max)}.`);
  };
}

export function anyNumber(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number)) return number;
  throw new InvalidArgumentError('It must be a number.');
}

export function uuid(text: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError('It must be a UUID.');
}

/** The id of a row in history_cdc: a bigint, as text. */
export function rowId(text: string): string {
  if (/^[1-9]\d{0,17}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be an id, a whole number from 1.');
}

/** A text that is not blank. Spaces at its ends are kept, because an id of the application may end in a space. */
export function notBlank(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}

/** A text that is not blank, without the spaces at its ends. */
export function filled(text: string): string {
  return notBlank(text).trim();
}

/** The values of an option that can be given several times, without repetitions. */
export function several(parse: (text: string) => string): (text: string, previous?: string[]) => string[] {
  return (text, previous = []) => [...new Set([...previous, parse(text)])];
}

/** A point in time with its zone. Without one, it would mean another moment on another machine. */
export function moment(text: string): Date {
  const at = new Date(text);
  const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  if (isWhole && !Number.isNaN(at.getTime())) return at;
  throw new InvalidArgumentError('It must be a time in ISO 8601 with a zone: 2026-11-30T08:00:00Z.');
}
