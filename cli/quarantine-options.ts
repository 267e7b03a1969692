import { InvalidArgumentError } from 'commander';

/** A number of things, from 1. */
export function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('it is not a whole number from 1');
  return Number(text);
}

/** The id of a parked record: a bigint, as text. */
export function recordId(text: string): string {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError('it is not the id of a parked record');
  return text;
}

/** Several of them, each once, as commander gathers the values of one option. */
export function recordIds(text: string, previous: readonly string[] | undefined): string[] {
  return [...new Set([...(previous ?? []), recordId(text)])];
}

export function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
    throw new InvalidArgumentError('it is not a UUID');
  return text.toLowerCase();
}

/** A text that says something. */
export function said(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('it says nothing');
  return text.trim();
}
