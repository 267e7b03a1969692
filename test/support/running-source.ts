/**
 * A source that never stands still: a writer of its own connection inserts, updates and deletes legacy rows, and what it
 * has committed goes through the projector in that order, always some rows behind. How a stream of changes looks to
 * whoever compares the tables meanwhile.
 */
import { takeOver, type Claim } from '../../consumers/agent-test-history/batch/offsets.ts';
import type { TopicEnds } from '../../operations/reconcile/barrier.ts';
import { createPool, inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { aRow, committedAt, deleted, inserted, updated, type Message, type RowValues } from './records.ts';
import { asRecords, MATCHING, runRecords, TOPIC_ID } from './run-records.ts';
import { LEGACY_ROW, legacyValues } from './table-rows.ts';
import type { Owner } from './tables.ts';

/** Committed and not projected: never fewer, so that no look at the tables meets them in step. */
const BEHIND = 5;
/** And never more: the writer waits. */
const AT_MOST_BEHIND = 25;
const ROWS_AT_FIRST = 300;
const PARTITION = 1;
const WRITE = `UPDATE public.agent_test_history SET steps_passed = $2, summary = $3 WHERE id = $1`;
const DELETE = 'DELETE FROM public.agent_test_history WHERE id = $1';
export class RunningSource {
  readonly #owner: Owner;
  readonly #writer: Pool;
  readonly #projector: Pool;
  /** By age: the first was touched longest ago. */
  readonly #rows = new Map<string, RowValues>();
  readonly #committed: Message[] = [];
  readonly #changed = new Signal();
  #claim: Claim | undefined;
  #nextOffset = 1n;
  #made = 0;
  #written = 0;
  /** Messages of transactions that have begun, committed or not: what a source's topic holds once its slot has passed. */
  #begun = 0;
  #stopped = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(url: string, owner: Owner) {
    this.#owner = owner;
    this.#writer = createPool({ url, name: 'test writer', connections: 1 });
    this.#projector = createPool({ url, name: 'test projector', connections: 2 });
  }

  /** How many changes it has committed. */
  get written(): number {
    return this.#written;
  }

  /** Where the topic ends, once everything that is committed by now is in it. */
  topicEnds(): TopicEnds {
    return { topicId: TOPIC_ID, ends: new Map([[PARTITION, BigInt(this.#begun) + 1n]]) };
  }

  /** Returns when the rows of the beginning are projected and changes are on their way. */
  async start(): Promise<void> {
    const start = { topicId: TOPIC_ID, partition: PARTITION, offset: this.#nextOffset };
    this.#claim = (await takeOver(this.#projector, start, 'test')).claim;
    const rows = Array.from({ length: ROWS_AT_FIRST }, () => this.#newRow());
    await inTransaction(this.#writer, async (client) => {
      for (const row of rows) await client.query(LEGACY_ROW, legacyValues(row));
    });
    for (const row of rows) this.#rows.set(row.id, row);
    this.#begun = rows.length;
    await this.#project(rows.map(inserted));
    this.#work = Promise.all([this.#write(), this.#follow()]);
    await this.#changed.until(() => this.#committed.length > BEHIND);
  }

  /** Ends writer and projector; throws what they met. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#changed.fire();
    try {
      await this.#work;
    } finally {
      await Promise.all([this.#writer.end(), this.#projector.end()]);
    }
  }

  async #write(): Promise<void> {
    while (!this.#stopped) {
      await this.#changed.until(() => this.#stopped || this.#committed.length < AT_MOST_BEHIND);
      const kind = this.#written % 4;
      if (kind === 2) await this.#update();
      else if (kind === 3) await this.#delete();
      else await this.#insert();
    }
  }

  async #follow(): Promise<void> {
    while (!this.#stopped) {
      await this.#changed.until(() => this.#stopped || this.#committed.length > BEHIND);
      const due = this.#committed.splice(0, Math.max(0, this.#committed.length - BEHIND));
      if (due.length > 0) await this.#project(due);
      this.#changed.fire();
    }
  }

  /** A run of the owner, of a stranger, or of nobody that is known. */
  #newRow(): RowValues {
    const { context, user } = this.#owner;
    const userId = [user, user, 'stranger', null][this.#made % 4] ?? null;
    const summary = `written as ${String(this.#made)}`;
    this.#made += 1;
    return aRow({ agent_context_id: context, user_id: userId, summary });
  }

  async #insert(): Promise<void> {
    const row = this.#newRow();
    await this.#commit(async (client) => await client.query(LEGACY_ROW, legacyValues(row)), inserted(row));
    this.#rows.set(row.id, row);
  }

  async #update(): Promise<void> {
    const row = this.#oldest();
    const changed = { ...row, steps_passed: this.#written, summary: `changed as ${String(this.#written)}` };
    await this.#commit(
      async (client) => await client.query(WRITE, [row.id, changed.steps_passed, changed.summary]),
      updated(changed),
    );
    this.#rows.set(row.id, changed);
  }

  async #delete(): Promise<void> {
    const { id } = this.#oldest();
    await this.#commit(async (client) => await client.query(DELETE, [id]), deleted(id));
  }

  #oldest(): RowValues {
    const [row] = this.#rows.values();
    if (row === undefined) throw new Error('the writer has no row left');
    this.#rows.delete(row.id);
    return row;
  }

  /** The time in the record is one before the COMMIT, as the source's own is. */
  async #commit(work: (client: Client) => Promise<unknown>, message: Message): Promise<void> {
    this.#begun += 1;
    const at = await inTransaction(this.#writer, async (client) => {
      await work(client);
      const { rows } = await client.query<{ at: Date }>('SELECT clock_timestamp() AS at');
      return rows[0]?.at.getTime() ?? 0;
    });
    this.#written += 1;
    this.#committed.push(committedAt(message, at));
    this.#changed.fire();
  }

  async #project(messages: readonly Message[]): Promise<void> {
    if (this.#claim === undefined) throw new Error('the source was not started');
    const context = {
      canonical: this.#projector,
      legacy: this.#projector,
      optOutPolicy: 'respect',
      matching: MATCHING,
    } as const;
    await runRecords({
      context,
      records: asRecords(messages, this.#nextOffset),
      mode: { kind: 'commit', claim: this.#claim },
      partition: PARTITION,
      rows: 1000,
    });
    this.#nextOffset += BigInt(messages.length);
  }
}

/** Wakes whoever waits for a condition, each time that something has changed. */
class Signal {
  #waiting: (() => void)[] = [];

  fire(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
