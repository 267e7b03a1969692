import { to as copyTo } from 'pg-copy-streams';
import type { Client } from '../../lib/postgres.ts';
import { lost } from '../../lib/postgres-session.ts';
import { identifier, list, sql, type Sql } from '../../lib/quoting.ts';
import type { ArchivedColumn } from './manifest.ts';
import type { Month } from './months.ts';
import { rowHashSql, type Value } from './row-hash.ts';

/** A row of the legacy table. The hash is Postgres's own. */
export interface LegacyRow {
  readonly id: string;
  /** The texts of all columns; only the key where the content was not asked for. */
  readonly values: readonly Value[];
  readonly hash: Buffer;
}

/** What the statement gives beside the hash: every column, or the key alone. */
export type Wanted = 'content' | 'key';

/** A portion is handed on when it has this many rows, or bytes. */
const PORTION_ROWS = 1_000;
const PORTION_BYTES = 2_097_152;
/** Postgres sends nothing for this long although we wait for it. */
const SILENT_MS = 15 * 60_000;

/**
 * The rows of a month in the order of (started_at, id). Postgres sends them by COPY as fast as they are taken, so that memory does not
 * grow with the table, and one row's size is the only limit. The connection must be of a pool that `copies`.
 */
export async function* readLegacyRows(
  client: Client,
  columns: readonly ArchivedColumn[],
  { month, wanted }: { readonly month: Month; readonly wanted: Wanted },
): AsyncGenerator<LegacyRow[]> {
  const stream = copyTo(copyStatement(columns, month, wanted), { highWaterMark: 1_048_576 });
  void client.query(stream);
  const idAt = wanted === 'key' ? 0 : columns.findIndex(({ name }) => name === 'id');
  const parser = new TupleParser();
  let portion: LegacyRow[] = [];
  let bytes = 0;
  let complete = false;
  try {
    for await (const chunk of unlessSilent(stream)) {
      for (const tuple of parser.parse(chunk)) {
        const hash = tuple.at(-1);
        const values = tuple.slice(0, -1);
        if (hash?.length !== 32) throw new Error('a row came without its hash');
        portion.push({ id: values[idAt]?.toString('latin1') ?? '', values, hash });
      }
      bytes += chunk.length;
      if (portion.length >= PORTION_ROWS || bytes >= PORTION_BYTES) {
        yield portion;
        [portion, bytes] = [[], 0];
      }
    }
    if (!parser.ended) throw lost(new Error('the answer of Postgres broke off'));
    complete = true;
    if (portion.length > 0) yield portion;
  } catch (error) {
    throw complete ? error : lost(error);
  } finally {
    // A COPY cannot be left in its middle: the connection goes with it.
    if (!complete) socketOf(client)?.destroy();
  }
}

function socketOf(client: Client): { destroy(): void } | undefined {
  return (client as { connection?: { stream?: { destroy(): void } } }).connection?.stream;
}

/** COPY takes no parameters. OFFSET 0 keeps the texts from being made twice, for the answer and for the hash. */
export function copyStatement(columns: readonly ArchivedColumn[], month: Month, wanted: Wanted): Sql {
  const name = (at: number) => identifier(`c${String(at)}`);
  const texts = columns.map((column, at) => sql`${identifier(column.name)}::text AS ${name(at)}`);
  const all = columns.map((_, at) => name(at));
  const key = columns.flatMap((column, at) => (column.name === 'id' ? [name(at)] : []));
  const started = columns.flatMap((column, at) => (column.name === 'started_at' ? [name(at)] : []));
  return sql`COPY (
    SELECT /* history-cdc */ ${list(wanted === 'content' ? all : [...key, ...started])}, ${rowHashSql(all)}
    FROM (SELECT ${list(texts)} FROM public.agent_test_history WHERE ${month.where} ORDER BY started_at, id OFFSET 0) AS t
  ) TO STDOUT (FORMAT binary)`;
}

async function* unlessSilent(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = stream[Symbol.asyncIterator]();
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error('Postgres gave no answer in time'));
      }, SILENT_MS);
    });
    try {
      const next = await Promise.race([chunks.next(), silence]);
      if (next.done === true) return;
      yield next.value;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** `PGCOPY\n\xff\r\n\0`, flags, and the length of an extension that is empty. */
const HEADER_BYTES = 19;
const TRAILER = -1;

/** The tuples of a binary COPY, from chunks that are cut anywhere. Values are views of the chunks. */
class TupleParser {
  ended = false;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #needed = HEADER_BYTES;
  #begun = false;

  parse(chunk: Buffer): Value[][] {
    this.#waiting.push(chunk);
    this.#bytes += chunk.length;
    // Joined only when the next value is complete, so that a value of many chunks is not copied once per chunk.
    if (this.#bytes < this.#needed) return [];
    const bytes = this.#waiting.length === 1 ? chunk : Buffer.concat(this.#waiting);
    let at = 0;
    if (!this.#begun) {
      at = HEADER_BYTES;
      this.#begun = true;
    }
    const tuples: Value[][] = [];
    while (!this.ended) {
      const read = this.#tuple(bytes, at);
      if (read === undefined) break;
      at = read.end;
      if (read.tuple !== undefined) tuples.push(read.tuple);
    }
    const rest = bytes.subarray(at);
    [this.#waiting, this.#bytes, this.#needed] = [[rest], rest.length, this.#needed - at];
    return tuples;
  }

  /** Undefined if it is not complete; then `#needed` says up to where it goes at least. */
  #tuple(bytes: Buffer, from: number): { readonly end: number; readonly tuple?: Value[] } | undefined {
    const has = (until: number) => {
      this.#needed = until;
      return until <= bytes.length;
    };
    if (!has(from + 2)) return undefined;
    const count = bytes.readInt16BE(from);
    if (count === TRAILER) {
      this.ended = true;
      return { end: from + 2 };
    }
    const tuple: Value[] = [];
    let at = from + 2;
    for (let field = 0; field < count; field++) {
      if (!has(at + 4)) return undefined;
      const length = bytes.readInt32BE(at);
      at += 4;
      if (length < 0) tuple.push(null);
      else {
        if (!has(at + length)) return undefined;
        tuple.push(bytes.subarray(at, at + length));
        at += length;
      }
    }
    return { end: at, tuple };
  }
}
