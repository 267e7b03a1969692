import { PlainArray } from '../../../lib/array-parameter.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import type { Transaction } from './store.ts';
import { databaseError } from './store.ts';
import type { LedgerRow, Tables } from './tables.ts';

export interface Answer {
  readonly rows: readonly object[];
  readonly rowCount: number;
}

/** What a statement runs in. */
export interface Session {
  readonly tx: Transaction;
  readonly tables: Tables;
}

export type Run = (session: Session, values: readonly unknown[], text: string) => Promise<Answer>;

/** The text of one of the projector's statements, by its file. */
export function textOf(file: string): string {
  return sqlFile(import.meta.url, `../../../consumers/agent-test-history/${file}`);
}

/** A statement of the projector, known by its text, and what it does. */
export interface Statement {
  readonly text: string | RegExp;
  readonly run: Run;
}

export function rowsOf(rows: readonly object[]): Answer {
  return { rows, rowCount: rows.length };
}

/** The counts that every write statement answers with. */
export function counts(runsInserted: number, runsUpdated: number, rest: [number, number]): Answer {
  const [runsDeleted, ledgerWritten] = rest;
  const row = { runs_inserted: runsInserted, runs_updated: runsUpdated, runs_deleted: runsDeleted };
  return rowsOf([{ ...row, ledger_written: ledgerWritten, kept_out: 0 }]);
}

/** Parallel arrays as rows, as `unnest` makes them. */
export function unnest<T>(values: readonly unknown[], names: readonly (keyof T & string)[]): T[] {
  const arrays = names.map((_, index) => arrayOf(values[index]));
  return Array.from(
    { length: arrays[0]?.length ?? 0 },
    (_, at) => Object.fromEntries(names.map((name, index) => [name, arrays[index]?.[at] ?? null])) as T,
  );
}

const HEADER_BYTES = 20;

/** An array as the driver takes it, or as `array-parameter.ts` encodes it. */
export function arrayOf(value: unknown): readonly unknown[] {
  if (value instanceof PlainArray) return value.values;
  if (!Buffer.isBuffer(value)) return value as readonly unknown[];
  const elements: (string | null)[] = [];
  for (let at = HEADER_BYTES; at < value.length;) {
    const length = value.readInt32BE(at);
    at += 4;
    elements.push(length < 0 ? null : value.toString('utf8', at, at + length));
    at += Math.max(length, 0);
  }
  return elements;
}

/** Constraints of the ledger, as a statement meets them at its end: CHECK at once, UNIQUE by waiting for open claims. */
export async function checkLedger(
  { tx, tables: { ledger } }: Session,
  written: readonly LedgerRow[],
): Promise<void> {
  for (const row of written) {
    const owns = row.decision === 'projected' || row.decision === 'twin' || row.decision === 'adopted';
    if (owns !== (row.runId !== null))
      throw databaseError('23514', 'a decision and its canonical row do not fit');
    const proven = row.isMember === true && row.listsAgent === true;
    if (row.runId !== null && !proven) throw databaseError('23514', 'an owner without proof');
  }
  for (const { legacyId, runId } of written) {
    if (runId === null) continue;
    const claims = (rows: Iterable<LedgerRow | undefined>) =>
      [...rows].some((other) => other?.runId === runId && other.legacyId !== legacyId);
    for (;;) {
      const open = tx.others.find((other) => {
        const uncommitted = other.writtenTo(ledger);
        // One that claims it, or one that has let go of it and may yet roll back.
        const letsGo = [...uncommitted.keys()].map((key) => ledger.committed.get(key));
        return claims(uncommitted.values()) || claims(letsGo);
      });
      if (open === undefined) break;
      await tx.waitFor(open);
    }
    if (claims(tx.rows(ledger))) throw databaseError('23505', 'a canonical row stands for two legacy rows');
  }
}
