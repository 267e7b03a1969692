import { PlainArray } from '../../lib/array-parameter.ts';
import { Differences } from './differences.ts';
import { readLegacyRows, type LegacyRow } from './legacy-rows.ts';
import { withLedgerWords } from './ledger-words.ts';
import type { ArchivedColumn } from './manifest.ts';
import type { LedgerWord } from './month-hashes.ts';
import type { Month } from './months.ts';
import { isUnusable, type ArchivedRow } from './read-object.ts';
import { compareRows, type RowKey } from './row-order.ts';
import type { Snapshot } from './snapshot.ts';

const DELETED = `
  SELECT legacy_id::text AS id FROM history_cdc.ledger
  WHERE legacy_id = ANY ($1::uuid[]) AND source_deleted_at IS NOT NULL`;
/** Rows that only the archive has are looked up in the ledger so many at a time. */
const EXTRA_AT_ONCE = 1_000;

export interface Compared {
  readonly snapshot: Snapshot;
  /** Of the archive. */
  readonly columns: readonly ArchivedColumn[];
  /** The month in the table; undefined if it has none. */
  readonly month: Month | undefined;
  /** Undefined if the archive has no object of the month. */
  readonly archived: AsyncIterable<readonly ArchivedRow[]> | undefined;
  readonly onRows: (rows: number) => void;
}

/**
 * Compares a month of the archive with the table and the ledger, row by row and both ways. Both come in the order of (started_at, id),
 * so neither is ever in memory as a whole. Postgres sends the keys and its own hashes of the rows.
 */
export async function compareMonth({
  snapshot,
  columns,
  month,
  archived,
  onRows,
}: Compared): Promise<Differences> {
  const found = new Differences();
  const idAt = columns.findIndex(({ name }) => name === 'id');
  const startedAt = columns.findIndex(({ name }) => name === 'started_at');
  const keyOfArchived = ({ values }: ArchivedRow): RowKey => ({
    id: values[idAt] ?? null,
    startedAt: values[startedAt] ?? null,
  });
  const table = new Cursor(month === undefined ? nothing() : tableRows(snapshot, month));
  const archive = new Cursor(archived ?? nothing());
  let extra: string[] = [];
  const sortOut = async () => {
    const { rows } = await snapshot.ledger.query<{ id: string }>(DELETED, [new PlainArray(extra)]);
    const deleted = new Set(rows.map(({ id }) => id));
    for (const id of extra) if (!deleted.has(id)) found.note('extra', id);
    found.deletedSince += deleted.size;
    extra = [];
  };
  try {
    for (;;) {
      const [ours, theirs] = [await archive.peek(), await table.peek()];
      if (ours === undefined && theirs === undefined) break;
      const order = orderOf(ours && keyOfArchived(ours), theirs && keyOfTable(theirs[0]));
      if (order <= 0) archive.step();
      if (order >= 0) table.step();
      if (order < 0 && ours !== undefined) extra.push(keyOfArchived(ours).id?.toString() ?? '');
      else if (order > 0 && theirs !== undefined) found.note('missing', theirs[0].id);
      else if (ours !== undefined && theirs !== undefined) compareRow(found, ours, theirs);
      if (extra.length >= EXTRA_AT_ONCE) await sortOut();
      if (order >= 0) onRows(1);
      if (order >= 0 && theirs?.[1].decision != null) found.decided++;
    }
  } catch (error) {
    // What Postgres still sends must be read before the connection can be asked anything else.
    await (isUnusable(error) ? table.drain() : table.abandon());
    throw error;
  }
  if (extra.length > 0) await sortOut();
  return found;
}

function tableRows({ legacy, ledger, table }: Snapshot, month: Month) {
  return withLedgerWords(ledger, readLegacyRows(legacy, table.columns, { month, wanted: 'key' }));
}

function keyOfTable({ values: [id = null, startedAt = null] }: LegacyRow): RowKey {
  return { id, startedAt };
}

function orderOf(ours: RowKey | undefined, theirs: RowKey | undefined): number {
  if (ours === undefined) return 1;
  return theirs === undefined ? -1 : compareRows(ours, theirs);
}

function compareRow(
  found: Differences,
  ours: ArchivedRow,
  [theirs, word]: readonly [LegacyRow, LedgerWord],
): void {
  const isSame = ours.hash.equals(theirs.hash);
  const isDecidedSo =
    ours.decision === word.decision &&
    ours.reason === word.reason &&
    ours.canonicalRunId === word.canonicalRunId;
  if (!isSame) found.note('content', theirs.id);
  if (!isDecidedSo) found.note('decision', theirs.id);
  if (isSame && isDecidedSo) found.same++;
}

async function* nothing(): AsyncGenerator<never[]> {
  await Promise.resolve();
  yield [];
}

/** One row after another, from portions. */
class Cursor<Row> {
  readonly #portions: AsyncIterator<readonly Row[]>;
  #portion: readonly Row[] = [];
  #at = 0;

  constructor(portions: AsyncIterable<readonly Row[]>) {
    this.#portions = portions[Symbol.asyncIterator]();
  }

  /** Not a promise while rows are at hand: an `await` per row would cost more than the comparison. */
  peek(): Row | undefined | Promise<Row | undefined> {
    return this.#at < this.#portion.length ? this.#portion[this.#at] : this.#next();
  }

  step(): void {
    this.#at++;
  }

  async drain(): Promise<void> {
    for (let row = await this.peek(); row !== undefined; row = await this.peek()) this.step();
  }

  async abandon(): Promise<void> {
    await this.#portions.return?.();
  }

  async #next(): Promise<Row | undefined> {
    while (this.#at >= this.#portion.length) {
      const next = await this.#portions.next();
      if (next.done === true) return undefined;
      [this.#portion, this.#at] = [next.value, 0];
    }
    return this.#portion[this.#at];
  }
}
