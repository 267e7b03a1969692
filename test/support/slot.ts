import { createPool, type Pool } from '../../lib/postgres.ts';

/** A logical slot that stands for the connector's. A test moves it as the connector does after Kafka has acknowledged. */
export class TestSlot {
  readonly name: string;
  readonly #dba: Pool;

  private constructor(name: string, dba: Pool) {
    this.name = name;
    this.#dba = dba;
  }

  static async create(superuserUrl: string, name: string): Promise<TestSlot> {
    const dba = createPool({ url: superuserUrl, name: 'test dba', connections: 1 });
    const slot = `${name}_${String(process.pid)}`;
    await dba.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    return new TestSlot(slot, dba);
  }

  async drop(): Promise<void> {
    await this.#dba.query('SELECT pg_drop_replication_slot($1)', [this.name]);
    await this.#dba.end();
  }

  /** Confirms everything that the source has written, and a heartbeat behind it. */
  async confirmAll(): Promise<void> {
    await this.#dba.query("SELECT pg_logical_emit_message(false, 'test', 'a heartbeat')");
    await this.#dba.query('SELECT pg_replication_slot_advance($1, pg_current_wal_flush_lsn())', [this.name]);
  }

  /** Confirms again and again, as heartbeats bring it about, until the work has ended. */
  async beating<T>(work: Promise<T>): Promise<T> {
    const ended = new AbortController();
    const watched = work.finally(() => {
      ended.abort();
    });
    while (!ended.signal.aborted) await this.confirmAll();
    return await watched;
  }
}
