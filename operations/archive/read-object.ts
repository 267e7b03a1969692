import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { inflateRaw as inflateRawWithCallback } from 'node:zlib';
import { FatalError, messageOf } from '../../lib/errors.ts';
import { MAGIC, SYNC_BYTES } from './avro-block.ts';
import type { ArchivedObject, Manifest } from './manifest.ts';
import { codingsOf, LEDGER_FIELDS, type FieldCoding } from './object-schema.ts';
import { decisionHash, MonthHashes } from './month-hashes.ts';
import { rowHash, type Value } from './row-hash.ts';
import type { Target } from './target.ts';

/** A row of an archive: the texts of its columns in the order of `manifest.table.columns`, and what the ledger said. */
export interface ArchivedRow {
  readonly values: readonly Value[];
  readonly hash: Buffer;
  readonly decision: string | null;
  readonly reason: string | null;
  readonly canonicalRunId: string | null;
}

const inflateRaw = promisify<Buffer, Buffer>(inflateRawWithCallback);

/**
 * The rows of all objects, in the manifest's order, in portions of at most a few hundred kB. An object that is missing, torn, changed,
 * or not the one that the manifest names, throws ARCHIVE_DAMAGED with its name. That can only be known of the whole object, so
 * what is done with its rows must be undone when it throws.
 */
export async function* readArchive(target: Target, manifest: Manifest): AsyncGenerator<ArchivedRow[]> {
  for (const object of manifest.objects) yield* readObject(target, manifest, object);
}

/** The rows of one object. Compares size, SHA-256, schema, number of rows and both hashes with the manifest. */
export async function* readObject(
  target: Target,
  manifest: Manifest,
  object: ArchivedObject,
): AsyncGenerator<ArchivedRow[]> {
  const found = yield* readRows(target, object.name, manifest);
  for (const what of ['bytes', 'sha256', 'rows', 'contentSha256', 'decisionsSha256'] as const) {
    if (found[what] !== object[what])
      throw damaged(
        object.name,
        `${what} is ${String(found[what])}, and the manifest says ${String(object[what])}`,
      );
  }
}

export type Measured = Pick<
  ArchivedObject,
  'bytes' | 'sha256' | 'rows' | 'contentSha256' | 'decisionsSha256' | 'decisions'
>;

/** The rows of an object that no manifest describes yet; returns what was measured. Its schema must be the given one. */
export async function* readRows(
  target: Target,
  name: string,
  { table, schema }: Pick<Manifest, 'table' | 'schema'>,
): AsyncGenerator<ArchivedRow[], Measured> {
  const hash = createHash('sha256');
  const source = new Source(await target.read(name), hash, name);
  const sync = await readHeader(source, schema, name);
  const codings = codingsOf(table);
  const hashes = new MonthHashes();
  const idAt = table.columns.findIndex((column) => column.name === 'id');
  while (!(await source.ended())) {
    const rows = await readBlock(source, { sync, codings, name });
    for (const row of rows) hashes.add(row, decisionHash(row.values[idAt] ?? null, row));
    yield rows;
  }
  return { ...hashes.end(), bytes: source.bytes, sha256: hash.digest('hex') };
}

export function damaged(name: string, why: string, cause?: unknown): FatalError {
  return new FatalError({
    code: 'ARCHIVE_DAMAGED',
    message: `the object ${name} of the archive is not what was written: ${why}`,
    wayOut:
      'look at who can write to the target; `history-cdc archive export` writes the rows again under another name',
    ...(cause !== undefined && { cause }),
    facts: { object: name },
  });
}

/** An object that is missing, or not what was written: known for certain, other than by an error of the way to it. */
export function isUnusable(error: unknown): error is FatalError {
  return error instanceof FatalError && ['ARCHIVE_DAMAGED', 'ARCHIVE_OBJECT_MISSING'].includes(error.code);
}

/** Bytes of a stream, as many as are asked for. */
class Source {
  bytes = 0;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #hash: { update(bytes: Buffer): unknown };
  readonly #name: string;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>, hash: { update(bytes: Buffer): unknown }, name: string) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#hash = hash;
    this.#name = name;
  }

  async #more(): Promise<Buffer | undefined> {
    const next = await this.#chunks.next();
    if (next.done === true) return undefined;
    this.#hash.update(next.value);
    this.bytes += next.value.length;
    return next.value;
  }

  async ended(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const more = await this.#more();
      if (more === undefined) return true;
      this.#rest = more;
    }
    return false;
  }

  async take(length: number): Promise<Buffer> {
    const chunks = [this.#rest];
    let have = this.#rest.length;
    while (have < length) {
      const more = await this.#more();
      if (more === undefined) throw damaged(this.#name, 'it ends too early');
      chunks.push(more);
      have += more.length;
    }
    const all = chunks.length === 1 ? this.#rest : Buffer.concat(chunks);
    this.#rest = all.subarray(length);
    return all.subarray(0, length);
  }

  async long(): Promise<number> {
    const bytes: number[] = [];
    do bytes.push((await this.take(1))[0] ?? 0);
    while (((bytes.at(-1) ?? 0) & 0x80) !== 0 && bytes.length < 10);
    return new Reader(Buffer.from(bytes), this.#name).long();
  }
}

/** Avro values in a buffer. */
class Reader {
  readonly #bytes: Buffer;
  readonly #name: string;
  #at = 0;

  constructor(bytes: Buffer, name: string) {
    this.#bytes = bytes;
    this.#name = name;
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw damaged(this.#name, 'a value reaches beyond its block');
    return byte;
  }

  long(): number {
    let [value, factor] = [0, 1];
    for (let byte = 0x80; byte >= 0x80; factor *= 0x80) {
      byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (value > Number.MAX_SAFE_INTEGER) throw damaged(this.#name, 'it has a number that cannot be');
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  string(): Buffer {
    const length = this.long();
    const from = this.#at;
    this.#at += length;
    if (length < 0 || this.#at > this.#bytes.length)
      throw damaged(this.#name, 'a value reaches beyond its block');
    return this.#bytes.subarray(from, this.#at);
  }

  value({ avro, nullable }: FieldCoding): Value {
    if (nullable) {
      const branch = this.byte();
      if (branch === 0) return null;
      if (branch !== 2) throw damaged(this.#name, 'it has a union with a branch that is not in the schema');
    }
    if (avro === 'string') return this.string();
    if (avro === 'int') return Buffer.from(String(this.long()));
    return this.byte() === 1 ? TRUE : FALSE;
  }
}

const [TRUE, FALSE] = [Buffer.from('true'), Buffer.from('false')];

/** Checks that it is the container that we write, with this schema; returns the marker behind each block. */
async function readHeader(source: Source, schema: Manifest['schema'], name: string): Promise<Buffer> {
  if (!(await source.take(MAGIC.length)).equals(MAGIC))
    throw damaged(name, 'it is no Avro object container file');
  const meta = new Map<string, string>();
  for (let count = await source.long(); count !== 0; count = await source.long()) {
    if (count < 0 || count > 100) throw damaged(name, 'its header cannot be read');
    for (; count > 0; count--) {
      const key = await takeText(source, name);
      meta.set(key, await takeText(source, name));
    }
  }
  if (meta.get('avro.codec') !== 'deflate' || meta.get('avro.schema') !== JSON.stringify(schema))
    throw damaged(name, 'its schema or its compression is another one');
  return await source.take(SYNC_BYTES);
}

/** A text of the header: of a schema at most. */
const HEADER_TEXT_BYTES = 16_777_216;

async function takeText(source: Source, name: string): Promise<string> {
  const length = await source.long();
  if (length < 0 || length > HEADER_TEXT_BYTES) throw damaged(name, 'its header cannot be read');
  return (await source.take(length)).toString('utf8');
}

interface BlockContext {
  readonly sync: Buffer;
  readonly codings: readonly FieldCoding[];
  readonly name: string;
}

async function readBlock(source: Source, { sync, codings, name }: BlockContext): Promise<ArchivedRow[]> {
  const [count, bytes] = [await source.long(), await source.long()];
  if (count <= 0 || bytes <= 0) throw damaged(name, 'a block has no rows');
  const block = await inflateRaw(await source.take(bytes)).catch((error: unknown) => {
    throw damaged(name, `a block cannot be decompressed (${messageOf(error)})`, error);
  });
  if (!(await source.take(SYNC_BYTES)).equals(sync))
    throw damaged(name, 'the marker behind a block is another one');
  const reader = new Reader(block, name);
  const rows = Array.from({ length: count }, () => readRow(reader, codings));
  if (!reader.ended) throw damaged(name, 'a block is longer than its rows');
  return rows;
}

function readRow(reader: Reader, codings: readonly FieldCoding[]): ArchivedRow {
  const all = codings.map((coding) => reader.value(coding));
  const values = all.slice(0, -LEDGER_FIELDS.length);
  const [decision, reason, canonicalRunId] = all
    .slice(-LEDGER_FIELDS.length)
    .map((value) => value?.toString('utf8') ?? null);
  return {
    values,
    hash: rowHash(values),
    decision: decision ?? null,
    reason: reason ?? null,
    canonicalRunId: canonicalRunId ?? null,
  };
}
