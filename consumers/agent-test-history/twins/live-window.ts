import assert from 'node:assert/strict';
import { inTransaction, type Pool } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';

const MEASURE = sqlFile(import.meta.url, './sql/live-window.sql');

/** The times of the first and the last committed live row, as text; null if there is none. */
export interface LiveWindow {
  readonly first: string | null;
  readonly last: string | null;
}

interface Measured {
  readonly first_text: string | null;
  readonly last_text: string | null;
  readonly first_us: string | null;
  readonly measured_us: string;
}

/**
 * Measures the dual-write window from the data, so that nobody has to configure it. It only decides which rows may skip
 * matching: those that started before the floor, which is the first live row less the match window. A live row that
 * commits after the measurement is at most as old as its transaction, so rows of the last minutes do not skip matching
 * either. If an even older live row appears, the sweeper finds it and moves the floor.
 */
export class LiveWindowMeter {
  readonly #canonical: Pool;
  readonly #windowUs: bigint;
  readonly #marginUs: bigint;
  #floorUs: bigint | undefined;
  #firstLiveUs: bigint | null | undefined;

  constructor(canonical: Pool, { windowUs, settleAfterUs }: { windowUs: bigint; settleAfterUs: bigint }) {
    this.#canonical = canonical;
    this.#windowUs = windowUs;
    this.#marginUs = settleAfterUs;
  }

  /** Measures the window by one scan of the canonical table, which has no index on time alone. */
  async measure(): Promise<LiveWindow> {
    const { rows } = await inTransaction(this.#canonical, async (client) => {
      await client.query("SET LOCAL statement_timeout = '15min'");
      return await client.query<Measured>(MEASURE);
    });
    const [measured] = rows;
    assert(measured !== undefined, 'an aggregate gave no row');
    this.lower(BigInt(measured.measured_us) - this.#marginUs);
    this.#firstLiveUs = measured.first_us === null ? null : BigInt(measured.first_us);
    if (measured.first_us !== null) this.lower(BigInt(measured.first_us));
    return { first: measured.first_text, last: measured.last_text };
  }

  /** Call it if a live row of this time, in microseconds since 1970, exists or may come. */
  lower(liveAtUs: bigint): void {
    const floorUs = liveAtUs - this.#windowUs;
    if (this.#floorUs === undefined || floorUs < this.#floorUs) this.#floorUs = floorUs;
  }

  /** Takes the time of the first live row, in microseconds; null if there is none. Returns true if it has changed. */
  firstLive(firstUs: bigint | null): boolean {
    const isNews = this.#firstLiveUs !== firstUs;
    this.#firstLiveUs = firstUs;
    if (firstUs !== null) this.lower(firstUs);
    return isNews;
  }

  readonly firstLiveUs = (): bigint | null => this.#firstLiveUs ?? null;

  /** The floor: rows that started before it have no live twin. */
  readonly floorUs = (): bigint => {
    assert(this.#floorUs !== undefined, 'the dual-write window has not been measured');
    return this.#floorUs;
  };
}
