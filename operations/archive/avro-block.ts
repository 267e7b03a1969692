import { promisify } from 'node:util';
import { constants, deflateRaw as deflateRawWithCallback } from 'node:zlib';
import { randomBytes } from 'node:crypto';
import type { FieldCoding } from './object-schema.ts';
import type { Value } from './row-hash.ts';

export const MAGIC = Buffer.from('Obj\u0001');
export const SYNC_BYTES = 16;
const BLOCK_BYTES = 262_144;
/**
 * Blocks that are being compressed at once, in zlib's own threads. Level 1 needs half of the CPU of the default level, and its
 * objects are 7 % larger (bench/ARCHIVE.md): with the default, compression and not Postgres would set the pace.
 */
const AT_ONCE = 3;
const LEVEL = 1;

const deflateRaw = promisify<Buffer, object, Buffer>(deflateRawWithCallback);

/** A buffer that grows, into which Avro values are written. */
class Bytes {
  #buffer = Buffer.allocUnsafe(BLOCK_BYTES * 2);
  length = 0;

  #reserve(more: number): void {
    if (this.length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + more));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.length++] = value;
  }

  /** Zigzag and variable length, as Avro writes `int` and `long`. */
  long(value: number): void {
    this.#reserve(10);
    let rest = value >= 0 ? value * 2 : -value * 2 - 1;
    while (rest >= 0x80) {
      this.#buffer[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.length++] = rest;
  }

  raw(value: Buffer): void {
    this.#reserve(value.length);
    value.copy(this.#buffer, this.length);
    this.length += value.length;
  }

  string(value: Buffer): void {
    this.long(value.length);
    this.raw(value);
  }

  /** Gives what was written, and begins anew. */
  take(): Buffer {
    const taken = Buffer.from(this.#buffer.subarray(0, this.length));
    this.length = 0;
    if (this.#buffer.length > 16 * BLOCK_BYTES) this.#buffer = Buffer.allocUnsafe(BLOCK_BYTES * 2);
    return taken;
  }
}

const TRUE = 0x74;

function writeValue(into: Bytes, value: Value, { avro, nullable }: FieldCoding): void {
  if (nullable) into.byte(value === null ? 0 : 2);
  if (value === null) {
    if (!nullable) throw new Error('a NULL in a column that is NOT NULL');
    return;
  }
  if (avro === 'string') into.string(value);
  else if (avro === 'int') into.long(Number(value.toString('latin1')));
  else into.byte(value[0] === TRUE ? 1 : 0);
}

/**
 * Encodes rows as an Avro object container file. The rows come as the bytes of their texts and are copied into the block as they are,
 * because a text that becomes a JavaScript string and then bytes again costs twice the CPU. `avsc`, `fastavro` and
 * `avro-tools` read the result (test/archive/export.pg.test.ts, docs/read_archive.py).
 */
export class ObjectEncoder {
  readonly #codings: readonly FieldCoding[];
  readonly #emit: (bytes: Buffer) => Promise<void>;
  readonly #sync = randomBytes(SYNC_BYTES);
  readonly #block = new Bytes();
  readonly #compressing: Promise<Buffer>[] = [];
  #rows = 0;

  constructor(codings: readonly FieldCoding[], emit: (bytes: Buffer) => Promise<void>) {
    this.#codings = codings;
    this.#emit = emit;
  }

  async begin(schema: Record<string, unknown>): Promise<void> {
    const header = new Bytes();
    header.raw(MAGIC);
    header.long(2);
    for (const [name, value] of [
      ['avro.schema', JSON.stringify(schema)],
      ['avro.codec', 'deflate'],
    ] as const) {
      header.string(Buffer.from(name));
      header.string(Buffer.from(value));
    }
    header.long(0);
    header.raw(this.#sync);
    await this.#emit(header.take());
  }

  /** True: `flush` must be called before the next row. */
  row(values: readonly Value[]): boolean {
    for (const [at, coding] of this.#codings.entries()) writeValue(this.#block, values[at] ?? null, coding);
    this.#rows++;
    return this.#block.length >= BLOCK_BYTES;
  }

  async flush(): Promise<void> {
    await this.#endBlock();
  }

  async end(): Promise<void> {
    if (this.#rows > 0) await this.#endBlock();
    while (this.#compressing.length > 0) await this.#emitOldest();
  }

  async #endBlock(): Promise<void> {
    const compressing = compress(this.#rows, this.#block.take(), this.#sync);
    // It is awaited later; until then, its failure is not an unhandled one.
    compressing.catch(() => undefined);
    this.#compressing.push(compressing);
    this.#rows = 0;
    if (this.#compressing.length >= AT_ONCE) await this.#emitOldest();
  }

  async #emitOldest(): Promise<void> {
    const oldest = this.#compressing.shift();
    if (oldest !== undefined) await this.#emit(await oldest);
  }
}

async function compress(rows: number, block: Buffer, sync: Buffer): Promise<Buffer> {
  const compressed = await deflateRaw(block, { level: LEVEL, strategy: constants.Z_DEFAULT_STRATEGY });
  const head = new Bytes();
  head.long(rows);
  head.long(compressed.length);
  return Buffer.concat([head.take(), compressed, sync]);
}
