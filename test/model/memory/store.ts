/**
 * As much of Postgres as the projector's safety rests on, at READ COMMITTED: a statement sees what was committed when
 * it began, and what its own transaction wrote; whoever changes a row that another open transaction has changed waits
 * for that one to end, and then looks at the row as it is by then. It knows tables, locks and transactions, and nothing
 * of what the projector does with them.
 */
import pg from 'pg';

export function databaseError(code: string, message: string): pg.DatabaseError {
  const error = new pg.DatabaseError(message, message.length, 'error');
  error.code = code;
  // Keys of ours: the memory has no other.
  error.schema = 'history_cdc';
  return error;
}

export class Table<Row> {
  readonly name: string;
  readonly committed = new Map<string, Row>();

  constructor(name: string) {
    this.name = name;
  }
}

type Written = Map<string, unknown>;

export class Locks {
  readonly holders = new Map<string, Transaction>();
  readonly open = new Set<Transaction>();
}

export class Transaction {
  readonly #locks: Locks;
  readonly #writes = new Map<Table<unknown>, Written>();
  readonly #ended: Promise<void>;
  #end: () => void = () => undefined;
  #waitsFor: Transaction | undefined;

  constructor(locks: Locks) {
    this.#locks = locks;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    locks.open.add(this);
  }

  get isWaiting(): boolean {
    return this.#waitsFor !== undefined;
  }

  /** The rows of a table as a statement sees them that begins now. */
  rows<Row>(table: Table<Row>): Row[] {
    const written = this.#writes.get(table);
    if (written === undefined) return [...table.committed.values()];
    const rows = new Map<string, unknown>(table.committed);
    for (const [key, row] of written) {
      if (row === undefined) rows.delete(key);
      else rows.set(key, row);
    }
    return [...rows.values()] as Row[];
  }

  /** One row, the same way; behind `lock`, its newest version. */
  get<Row>(table: Table<Row>, key: string): Row | undefined {
    const written = this.#writes.get(table);
    return written?.has(key) === true ? (written.get(key) as Row | undefined) : table.committed.get(key);
  }

  /** Under the row's lock only. */
  put<Row>(table: Table<Row>, key: string, row: Row | undefined): void {
    const written = this.#writes.get(table) ?? new Map<string, unknown>();
    written.set(key, row);
    this.#writes.set(table, written);
  }

  /** What it has written, and not committed yet. */
  writtenTo<Row>(table: Table<Row>): ReadonlyMap<string, Row | undefined> {
    return (this.#writes.get(table) ?? new Map()) as Map<string, Row | undefined>;
  }

  /** The others that are open. */
  get others(): Transaction[] {
    return [...this.#locks.open].filter((other) => other !== this);
  }

  async lockRow(table: { readonly name: string }, key: string): Promise<void> {
    await this.lock(`${table.name} ${key}`);
  }

  /** Row locks and transaction-scoped advisory locks alike: held to the end of the transaction. */
  async lock(name: string): Promise<void> {
    for (;;) {
      const holder = this.#locks.holders.get(name);
      if (holder === undefined || holder === this) break;
      await this.waitFor(holder);
    }
    this.#locks.holders.set(name, this);
  }

  async waitFor(other: Transaction): Promise<void> {
    for (let next: Transaction | undefined = other; next !== undefined; next = next.#waitsFor)
      if (next === this) throw databaseError('40P01', 'deadlock detected');
    this.#waitsFor = other;
    await other.#ended;
    this.#waitsFor = undefined;
  }

  commit(): void {
    for (const [table, written] of this.#writes) {
      for (const [key, row] of written) {
        if (row === undefined) table.committed.delete(key);
        else table.committed.set(key, row);
      }
    }
    this.rollback();
  }

  rollback(): void {
    this.#writes.clear();
    for (const [name, holder] of this.#locks.holders) if (holder === this) this.#locks.holders.delete(name);
    this.#locks.open.delete(this);
    this.#end();
  }
}
