/**
 * Tells whether everything that the source had committed at a certain moment is projected, also when nobody writes any
 * more. It checks three positions, each read after the one before was reached. First, the source's own position at that
 * moment, which the connector's slot must confirm (the connector's heartbeat moves the slot). Then the ends of the
 * topic, which by then contain all of it. Then the stored offsets, which must reach those ends. Nothing is written, and
 * no clocks are compared.
 */
import type { Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

/** The offset of the next record per partition. Empty partitions are left out. */
export interface TopicEnds {
  readonly topicId: string;
  readonly ends: ReadonlyMap<number, bigint>;
}

export interface SourceStream {
  /** The database of the legacy table and the slot. */
  readonly legacy: Pool;
  readonly slot: string;
  /** The position that must be projected; unless told, the source's own position at the first check. */
  readonly lsn?: string;
  /** If the topic cannot be read, the answer is a sentence that says why. */
  readonly topicEnds: () => Promise<TopicEnds | string>;
}

const NOW = 'SELECT clock_timestamp()::text AS now';
/**
 * The insert position and not the write position: a commit without a flush (`synchronous_commit = off`) is visible
 * before it is written.
 */
const POSITION = `
  SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END::text AS lsn`;
const SLOT_PASSED = sqlFile(import.meta.url, './sql/slot-passed.sql');
const PARTITIONS_BEHIND = sqlFile(import.meta.url, './sql/partitions-behind.sql');

interface Mark {
  /** By the clock of the canonical database, taken before the position was read. */
  readonly at: string;
  readonly lsn: string;
  ends: TopicEnds | undefined;
}

export class Barrier {
  readonly #canonical: Pool;
  readonly #stream: SourceStream;
  #mark: Mark | undefined;
  #passedUntil: string | null = null;
  #waitsFor = '';

  constructor(canonical: Pool, stream: SourceStream) {
    this.#canonical = canonical;
    this.#stream = stream;
  }

  /** What the last check is still waiting for, with the way out. */
  get waitsFor(): string {
    return this.#waitsFor;
  }

  /** The newest moment that is certain to be projected; null before the first one. Each call checks once. */
  async passedUntil(): Promise<string | null> {
    this.#mark ??= await this.#begin();
    if (this.#mark !== undefined && (await this.#isPassed(this.#mark))) {
      this.#passedUntil = this.#mark.at;
      this.#mark = undefined;
    }
    return this.#passedUntil;
  }

  async #begin(): Promise<Mark | undefined> {
    const { rows } = await this.#canonical.query<{ now: string }>(NOW);
    const { rows: positions } = await this.#stream.legacy.query<{ lsn: string | null }>(POSITION);
    const [at, lsn] = [rows[0]?.now, this.#stream.lsn ?? positions[0]?.lsn];
    this.#waitsFor =
      'LEGACY_DATABASE_URL leads to a standby, which has no position of its own: name the primary';
    return at === undefined || lsn === undefined || lsn === null ? undefined : { at, lsn, ends: undefined };
  }

  async #isPassed(mark: Mark): Promise<boolean> {
    mark.ends ??= await this.#endsBehind(mark.lsn);
    if (mark.ends === undefined) return false;
    const { topicId, ends } = mark.ends;
    const { rows } = await this.#canonical.query<{ behind: number; other: string | null }>(
      PARTITIONS_BEHIND,
      [topicId, [...ends.keys()], [...ends.values()]],
    );
    const other = rows[0]?.other ?? null;
    if (other !== null) {
      mark.ends = undefined;
      this.#waitsFor = `the ledger belongs to the topic ${other}, but TOPIC_PREFIX leads to the topic ${topicId}: set TOPIC_PREFIX to the projectors' value, or run \`history-cdc doctor --only topic-identity\``;
      return false;
    }
    const behind = rows[0]?.behind ?? ends.size;
    this.#waitsFor = `${String(behind)} partition(s) of the topic are not projected to their end: is \`history-cdc project\` running?`;
    return behind === 0;
  }

  /** The ends of the topic, once it contains everything before the position. */
  async #endsBehind(lsn: string): Promise<TopicEnds | undefined> {
    const { legacy, slot, topicEnds } = this.#stream;
    const { rows } = await legacy.query<{ passed: boolean }>(SLOT_PASSED, [slot, lsn]);
    const [found] = rows;
    if (found?.passed !== true) {
      this.#waitsFor =
        found === undefined
          ? `there is no slot ${slot} in the legacy database: \`history-cdc connector status\``
          : `the connector has not confirmed ${lsn} on its slot ${slot}: \`history-cdc connector status\``;
      return undefined;
    }
    const ends = await topicEnds();
    if (typeof ends !== 'string') return ends;
    this.#waitsFor = ends;
    return undefined;
  }
}
