import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { planRuns, writeLegacyRows, writeLiveRows, demoSql, type PlannedRun } from '../../demo/generate.ts';
import { planIncidents, type Incident } from '../../demo/incidents.ts';
import { Crew } from '../../demo/pods.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { inDryRun, inTransaction, type Client, type Pool } from '../../lib/postgres.ts';

const RUNS_PER_SECOND = 15;
/** The largest number of runs per statement, if the application is behind its pace. */
const BURST_RUNS = 10;
const TICK_MS = 50;
const PODS = 4;
const LATE_AT_ONCE = 2;
/** The application's largest number of connections: two per late run, one per pod, and some for the rest. */
export const APPLICATION_CONNECTIONS = PODS + 2 * LATE_AT_ONCE + 3;
/** How long a live transaction stays open at most, if no projector projects its runs meanwhile. */
const LATE_SECONDS = 20;
const RETRY_AFTER_MS = 500;
/** An application whose write fails for this long has a problem that no fault of the schedule explains. */
const GIVE_UP_AFTER_MS = 300_000;
const UNIQUE_VIOLATION = '23505';
/** Pods that no longer write legacy rows are up in this last share of the time. */
const NEW_PODS_SHARE = 0.3;

const PLANNED_BEFORE = 'SELECT n::integer, path FROM demo.run WHERE n BETWEEN $1 AND $2';
/**
 * When the runs happened is settled before they are written, so that a write that has to be repeated after a fault still
 * shows the same time.
 */
const MOMENTS = `
  UPDATE demo.run SET started_at = clock_timestamp() WHERE n BETWEEN $1 AND $2 AND started_at IS NULL`;
const LIVE_MOMENTS = `
  UPDATE demo.live_run l SET tested_at = r.started_at - l.n % 3000 * interval '1 ms'
  FROM demo.run r WHERE r.n = l.n AND r.n BETWEEN $1 AND $2 AND l.tested_at IS NULL`;
const IDENTICAL_RUNS = readFileSync(new URL('sql/identical-runs.sql', import.meta.url), 'utf8');
/** An owner's row of the history changes in a column that its canonical row shows. */
const UPDATE_ROW = `
  WITH chosen AS (
    SELECT e.legacy_id FROM demo.expected e JOIN agent_test_history h ON h.id = e.legacy_id
    WHERE e.origin = 'snapshot' AND e.decisions = '{projected}' AND e.story IS NULL
    ORDER BY md5(e.legacy_id::text || $1) LIMIT 3
  )
  UPDATE agent_test_history h SET steps_passed = steps_passed + 1 FROM chosen c WHERE c.legacy_id = h.id`;

export interface ApplicationCounts {
  readonly runs: number;
  readonly incidents: Readonly<Record<string, number>>;
  /** Writes that had to be repeated, because a server was gone. */
  readonly repeats: number;
}

interface ApplicationOptions {
  /** Leads straight to Postgres, so that only the faults of Postgres itself reach the application. */
  readonly pool: Pool;
  readonly firstRun: number;
  readonly seconds: number;
}

/**
 * The application: it writes all the time, as the pods of the cutover window do, and takes an outage of Postgres as
 * applications do: it tries again. What each row must become stands in the schema `demo`, written in the row's own
 * transaction, so the truth is known even of a write whose COMMIT got no answer.
 */
export class Application {
  readonly #options: ApplicationOptions;
  readonly #pods = new Crew(PODS);
  readonly #late = new Crew(LATE_AT_ONCE);
  readonly #incidents: Record<string, number> = {};
  #runs = 0;
  #repeats = 0;

  constructor(options: ApplicationOptions) {
    this.#options = options;
  }

  get counts(): ApplicationCounts {
    return { runs: this.#runs, incidents: this.#incidents, repeats: this.#repeats };
  }

  /** Writes until the signal fires, and returns when everything that it began is written. */
  async run(signal: AbortSignal): Promise<void> {
    const { pool, seconds } = this.#options;
    const incidents = await planIncidents(pool);
    const began = performance.now();
    const elapsed = () => (performance.now() - began) / 1000;
    let happened = 0;
    while (!signal.aborted) {
      const due = Math.floor(elapsed() * RUNS_PER_SECOND) - this.#runs;
      if (due <= 0) {
        await setTimeout(TICK_MS);
        continue;
      }
      await this.#write(Math.min(due, BURST_RUNS), elapsed() > seconds * (1 - NEW_PODS_SHARE));
      const share = Math.min(elapsed() / seconds, 1);
      for (const incident of incidents.slice(happened, Math.floor(share * incidents.length))) {
        await this.#happen(incident);
        happened += 1;
      }
    }
    await this.#pods.finish();
    await this.#late.finish();
  }

  async #happen({ story, run }: Incident): Promise<void> {
    const { pool } = this.#options;
    await this.#persist(() => run(pool));
    this.#incidents[story] = (this.#incidents[story] ?? 0) + 1;
    const nth = Object.values(this.#incidents).reduce((sum, count) => sum + count, 0);
    await this.#persist(() => pool.query(UPDATE_ROW, [String(nth)]));
    this.#incidents['row updated'] = (this.#incidents['row updated'] ?? 0) + 1;
  }

  async #write(count: number, newPods: boolean): Promise<void> {
    const { pool, firstRun } = this.#options;
    const first = firstRun + this.#runs;
    const last = first + count - 1;
    const plan = async (client: Client) => {
      const runs = await planRuns(client, { first, last, origin: 'stream', newPods });
      await client.query(MOMENTS, [first, last]);
      await client.query(IDENTICAL_RUNS, [first, last]);
      await client.query(LIVE_MOMENTS, [first, last]);
      return runs;
    };
    const planned =
      (await this.#persist(() => inTransaction(pool, plan))) ??
      (await this.#persist(() => pool.query<PlannedRun>(PLANNED_BEFORE, [first, last])))?.rows ??
      [];
    this.#runs += count;
    await this.#pods.begin(() => this.#writeBoth(planned));
    const late = numbersOf(planned, ['late']);
    if (late.length > 0) await this.#late.begin(() => this.#writeLate(late));
  }

  async #writeBoth(runs: readonly PlannedRun[]): Promise<void> {
    const { pool } = this.#options;
    const live = numbersOf(runs, ['both', 'new pod', 'failed legacy write']);
    if (live.length > 0)
      await this.#persist(() => inTransaction(pool, (client) => writeLiveRows(client, live)));
    const failing = numbersOf(runs, ['failed live write']);
    if (failing.length > 0)
      await this.#persist(() => inDryRun(pool, (client) => writeLiveRows(client, failing)));
    const legacy = numbersOf(runs, ['both', 'legacy', 'old pod', 'failed live write']);
    if (legacy.length > 0)
      await this.#persist(() => inTransaction(pool, (client) => writeLegacyRows(client, legacy)));
  }

  /** The live rows become visible only when a projector has projected their runs, or when it takes too long. */
  async #writeLate(late: readonly number[]): Promise<void> {
    const { pool } = this.#options;
    const writeLegacy = () =>
      this.#persist(() => inTransaction(pool, (client) => writeLegacyRows(client, late)));
    const together = inTransaction(pool, async (live) => {
      await writeLiveRows(live, late);
      await writeLegacy();
      for (let second = 0; second < LATE_SECONDS; second += 0.5) {
        const { rows } = await live.query<{ done: number }>(demoSql('note-late'), [late]);
        if (rows[0]?.done === late.length) return;
        await setTimeout(500);
      }
    });
    await together.catch(async () => {
      // The session was lost during the transaction, so it is not known whether the transaction was committed.
      await this.#persist(() => inTransaction(pool, (client) => writeLiveRows(client, late)), true);
      await this.#persist(() => inTransaction(pool, (client) => writeLegacyRows(client, late)), true);
    });
  }

  /**
   * Repeats a write until it goes through. Undefined if an earlier attempt had been committed, and only its answer was
   * lost. `attempted`: there was one before this call.
   */
  async #persist<T>(write: () => Promise<T>, attempted = false): Promise<T | undefined> {
    const giveUpAt = performance.now() + GIVE_UP_AFTER_MS;
    for (let attempts = attempted ? 1 : 0; ; attempts++) {
      try {
        return await write();
      } catch (error) {
        if (attempts > 0 && sqlState(error) === UNIQUE_VIOLATION) return undefined;
        if (sqlState(error) === UNIQUE_VIOLATION || performance.now() > giveUpAt) throw error;
        this.#repeats += 1;
        await setTimeout(RETRY_AFTER_MS);
      }
    }
  }
}

function numbersOf(runs: readonly PlannedRun[], paths: readonly PlannedRun['path'][]): number[] {
  return runs.filter(({ path }) => paths.includes(path)).map(({ n }) => n);
}
