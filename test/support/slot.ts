import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool } from '../../lib/postgres.ts';

/** A commit that is certain to be on disk, also where the server does not wait for commits. */
const HEARTBEAT = `
  BEGIN; SET LOCAL synchronous_commit = on; SELECT pg_logical_emit_message(true, 'test', 'a heartbeat'); COMMIT`;

/**
 * Confirms everything that the source has written, and a heartbeat behind it, as the connector does. The position is read after
 * the heartbeat's commit: before it, the last changes may not be on disk, and a slot is not moved past that.
 */
export async function confirmAll(dba: Pool, slot: string): Promise<void> {
  await dba.query(HEARTBEAT);
  await dba.query('SELECT pg_replication_slot_advance($1, pg_current_wal_flush_lsn())', [slot]);
}

/** Confirms again and again, as heartbeats bring it about, until it is told to stop. */
export function keepConfirming(dba: Pool, slot: string): () => Promise<void> {
  const stop = new AbortController();
  const beating = (async () => {
    while (!stop.signal.aborted) {
      await confirmAll(dba, slot);
      await delay(50);
    }
  })();
  beating.catch(() => undefined);
  return async () => {
    stop.abort();
    await beating;
  };
}

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

  async confirmAll(): Promise<void> {
    await confirmAll(this.#dba, this.name);
  }

  /** Confirms again and again until the work has ended. */
  async beating<T>(work: Promise<T>): Promise<T> {
    const stop = keepConfirming(this.#dba, this.name);
    try {
      return await work;
    } finally {
      await stop();
    }
  }
}
