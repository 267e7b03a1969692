import { createHash } from 'node:crypto';
import { FatalError } from '../../lib/errors.ts';
import { ObjectEncoder } from './avro-block.ts';
import { readLegacyRows, type LegacyRow } from './legacy-rows.ts';
import { withLedgerWords } from './ledger-words.ts';
import { objectName, type ArchivedObject, type Manifest } from './manifest.ts';
import { decisionHash, MonthHashes, type LedgerWord } from './month-hashes.ts';
import type { Month } from './months.ts';
import { codingsOf } from './object-schema.ts';
import { rowHash, type Value } from './row-hash.ts';
import type { Snapshot } from './snapshot.ts';
import type { ObjectWriter, Target } from './target.ts';

export interface MonthWriter {
  readonly target: Target;
  readonly snapshot: Snapshot;
  readonly schema: Manifest['schema'];
  /** The id of the export. */
  readonly id: string;
  readonly signal: AbortSignal;
  /** Is told of each portion. */
  readonly onRows: (rows: number) => void;
}

/** Writes the object of a month, and compares each row's hash with the one that Postgres made. */
export async function writeMonth(context: MonthWriter, month: Month): Promise<ArchivedObject> {
  const name = objectName(month.name, context.id);
  const writer = await context.target.write(name);
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    const emit = async (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
      await writer.write(chunk);
    };
    const hashes = await encodeMonth(context, month, emit);
    await writer.finish();
    return { name, month: month.name, ...hashes, bytes, sha256: hash.digest('hex') };
  } finally {
    await writer.abort();
  }
}

async function encodeMonth(
  { snapshot, schema, signal, onRows }: MonthWriter,
  month: Month,
  emit: ObjectWriter['write'],
) {
  const { legacy, ledger, table } = snapshot;
  const encoder = new ObjectEncoder(codingsOf(table), emit);
  const hashes = new MonthHashes();
  await encoder.begin(schema);
  const rows = readLegacyRows(legacy, table.columns, { month, wanted: 'content' });
  for await (const portion of withLedgerWords(ledger, rows)) {
    signal.throwIfAborted();
    for (const [row, word] of portion) {
      assertUnaltered(row);
      hashes.add({ hash: row.hash, decision: word.decision }, decisionHash(Buffer.from(row.id), word));
      if (encoder.row([...row.values, ...texts(word)])) await encoder.flush();
    }
    onRows(portion.length);
  }
  await encoder.end();
  const found = hashes.end();
  if (found.rows !== month.rows)
    throw altered(`of the ${String(month.rows)} rows of ${month.name}, ${String(found.rows)} arrived`);
  return found;
}

function texts({ decision, reason, canonicalRunId }: LedgerWord): Value[] {
  return [decision, reason, canonicalRunId].map((text) => (text === null ? null : Buffer.from(text)));
}

/** What Postgres has and what arrived here may differ: by a proxy that changes bytes, a wrong encoding, a fault of the driver. */
function assertUnaltered({ id, values, hash }: LegacyRow): void {
  if (!rowHash(values).equals(hash))
    throw altered(`the row ${id} arrived with another content than Postgres has`);
}

function altered(message: string): FatalError {
  return new FatalError({
    code: 'ARCHIVE_ROW_ALTERED',
    message,
    wayOut: 'run the command again; if it says the same, report it as a fault of this program',
  });
}
