import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Client } from '../../lib/postgres.ts';
import { identifier, list, sql } from '../../lib/quoting.ts';
import type { ArchivedColumn, Manifest } from './manifest.ts';
import { readArchive } from './read-object.ts';
import { quotedPlace, type Place } from './restored-table.ts';
import type { Value } from './row-hash.ts';
import type { Target } from './target.ts';

export interface Load {
  readonly target: Target;
  readonly manifest: Manifest;
  readonly place: Place;
  /** Those that the rows are loaded into. */
  readonly columns: readonly ArchivedColumn[];
  readonly signal: AbortSignal;
  /** Is told of each portion. */
  readonly onRows: (rows: number) => void;
}

/**
 * Loads every row of the archive by COPY: the input function of each type reads the text that its output function wrote. An
 * object that turns out to be damaged ends the COPY with an error, and so the transaction.
 */
export async function loadRows(client: Client, load: Load): Promise<void> {
  const { place, columns, manifest, signal } = load;
  const names = list(columns.map(({ name }) => identifier(name)));
  const at = columns.map((column) => manifest.table.columns.indexOf(column));
  const stream = copyFrom(sql`COPY ${quotedPlace(place)} (${names}) FROM STDIN`);
  void client.query(stream);
  await pipeline(linesOf(load, at), stream, { signal });
}

async function* linesOf({ target, manifest, onRows }: Load, at: readonly number[]): AsyncGenerator<Buffer> {
  for await (const rows of readArchive(target, manifest)) {
    yield Buffer.concat(rows.flatMap(({ values }) => lineOf(values, at)));
    onRows(rows.length);
  }
}

const [TAB, END, NULL] = [Buffer.from('\t'), Buffer.from('\n'), Buffer.from('\\N')];

function lineOf(values: readonly Value[], at: readonly number[]): Buffer[] {
  const parts = at.flatMap((column) => {
    const value = values[column] ?? null;
    return [TAB, value === null ? NULL : escaped(value)];
  });
  return [...parts.slice(1), END];
}

/** What means something to COPY; every byte of a character of several bytes has its high bit set, so it is none of these. */
const SPECIAL = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' } as const;
const CODES = Object.keys(SPECIAL).map((character) => character.charCodeAt(0));

function escaped(value: Buffer): Buffer {
  if (!CODES.some((code) => value.includes(code))) return value;
  const text = value
    .toString('latin1')
    .replace(/[\\\n\r\t]/g, (character) => SPECIAL[character as keyof typeof SPECIAL]);
  return Buffer.from(text, 'latin1');
}
