import type { Pool } from '../lib/postgres.ts';

/** A transaction, by the server's clock, and how many of a table's rows it wrote. */
export interface Commit {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly rows: number;
}

/**
 * Shows how a table was filled, by the commit time of each row (`track_commit_timestamp`). This is exact, works the
 * same for every writer, and needs no query while the table is filled. It begins with the first commit, because before
 * that, processes only start, join a group and warm up.
 */
export class Timeline {
  readonly #commits: readonly Commit[];

  constructor(commits: readonly Commit[]) {
    if (commits.length === 0) throw new Error('nothing was committed');
    this.#commits = [...commits].sort((a, b) => a.atMs - b.atMs);
  }

  static async of(pool: Pool, table: string): Promise<Timeline> {
    const { rows } = await pool.query<{ at_ms: number; rows: number }>(
      `SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 * 1000 AS at_ms, count(*)::integer AS rows
       FROM ${table} GROUP BY 1`,
    );
    return new Timeline(rows.map(({ at_ms: atMs, rows: written }) => ({ atMs, rows: written })));
  }

  get rows(): number {
    return this.#commits.reduce((sum, { rows }) => sum + rows, 0);
  }

  get firstMs(): number {
    return this.#commits[0]?.atMs ?? 0;
  }

  get lastMs(): number {
    return this.#commits.at(-1)?.atMs ?? 0;
  }

  /** Of the rows behind the first commit, in the time since then. One commit alone has no rate. */
  get rowsPerSecond(): number {
    return this.rowsBehindFirst / ((this.lastMs - this.firstMs) / 1000);
  }

  get rowsBehindFirst(): number {
    return this.rows - (this.#commits[0]?.rows ?? 0);
  }

  /** When the table first held so many rows. */
  reached(rows: number): number {
    let sum = 0;
    for (const commit of this.#commits) {
      sum += commit.rows;
      if (sum >= rows) return commit.atMs;
    }
    return this.lastMs;
  }

  /** Rows there at a moment. */
  rowsAt(ms: number): number {
    return this.#commits.filter(({ atMs }) => atMs <= ms).reduce((sum, { rows }) => sum + rows, 0);
  }
}
