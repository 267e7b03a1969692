import type pg from 'pg';
import { type Client, type Pool } from '../../../lib/postgres.ts';
import { sqlState } from '../../../lib/postgres-errors.ts';
import type { PassingPlace, Run } from './run.ts';
import * as sql from './statements.ts';
import type { Place } from './world.ts';

/** What the connector does while a row is written. */
export type Phase = 'before' | 'applying' | 'streaming';

/** A live write that is not decided yet: its row is there for nobody else. */
export interface OpenLive {
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Ends it the hard way, when nobody else has. */
  abandon(): void;
}

const CHECK_VIOLATION = '23514';

/** The application's writes, each in a transaction of its own, with the truth about it in the same one. */
export class Application {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async note({ run, alike, kind, standing, place }: Run): Promise<void> {
    const values = [run, alike, kind, standing, place.organization, place.agentUrl];
    await this.#pool.query(sql.NOTE_RUN, values);
  }

  async writeLegacy(run: Run, phase: Phase): Promise<void> {
    const { look, place } = run;
    const { passed, failed } = steps(run);
    await this.#pool.query(sql.WRITE_LEGACY, [
      run.run,
      phase,
      run.legacyId,
      place.context,
      look.verdict === 'passing',
      passed,
      failed,
      look.durationMs,
      look.headline,
      run.user,
      look.legacyProfile,
      run.secondsAgo,
    ]);
  }

  async writeLive(run: Run): Promise<void> {
    await this.#transaction(async (client) => {
      await client.query(sql.WRITE_LIVE, liveValues(run));
      await writeVerdict(client, run);
    });
  }

  /** The live write meets an error, of which the application only writes a warning to its log. */
  async failLive(run: Run): Promise<void> {
    const unknownStatus = liveValues(run).with(STATUS, 'degraded');
    const error = await this.#transaction((client) => client.query(sql.WRITE_LIVE, unknownStatus)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (sqlState(error) !== CHECK_VIOLATION) throw new Error('the live write did not fail', { cause: error });
  }

  async openLive(run: Run): Promise<OpenLive> {
    const client = await this.#pool.connect();
    await client.query('BEGIN');
    await client.query(sql.WRITE_LIVE, liveValues(run));
    const end = async (how: 'COMMIT' | 'ROLLBACK') => {
      await client.query(how);
      client.release();
    };
    return {
      commit: async () => {
        await writeVerdict(client, run);
        await end('COMMIT');
      },
      rollback: () => end('ROLLBACK'),
      abandon: () => {
        client.release(true);
      },
    };
  }

  async noteOpenLive({ run }: Run, decision: string): Promise<void> {
    await this.#pool.query('INSERT INTO truth.open_live VALUES ($1, $2)', [run, decision]);
  }

  /** Nobody's run, and in every other respect the live row of this one. */
  async writeHeartbeat(run: Run): Promise<void> {
    await this.#pool.query(sql.WRITE_LIVE, liveValues(run).with(RUN, null).with(TRIGGERED_BY, 'heartbeat'));
  }

  async createContext({ context, organization, spelled }: PassingPlace): Promise<void> {
    await this.#pool.query(sql.CREATE_CONTEXT, [context, organization, spelled]);
  }

  async mergeContext(from: Place, into: Place): Promise<void> {
    const fate = from.agentUrl === into.agentUrl ? 'merged' : 'moved';
    await this.#transaction(async (client) => {
      await client.query(sql.NOTE_FATE, [from.context, fate]);
      await client.query(sql.MOVE_ROWS, [from.context, into.context]);
      await client.query(sql.DELETE_CONTEXT, [from.context]);
    });
  }

  async deleteContext({ context }: Place): Promise<void> {
    await this.#transaction(async (client) => {
      await client.query(sql.NOTE_FATE, [context, 'context deleted']);
      await client.query(sql.DELETE_CONTEXT, [context]);
    });
  }

  async deleteRow({ run, legacyId }: Run): Promise<void> {
    await this.#pool.query(sql.DELETE_ROW, [run, legacyId]);
  }

  async optOut({ agentUrl }: Place): Promise<void> {
    await this.#pool.query(sql.OPT_OUT, [agentUrl]);
  }

  async #transaction(work: (client: Client) => Promise<unknown>): Promise<void> {
    const client: pg.PoolClient = await this.#pool.connect();
    try {
      await client.query('BEGIN');
      await work(client);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }
}

function steps({ run, look }: Run): { readonly passed: number; readonly failed: number } {
  return { passed: 1 + (run % 9), failed: look.verdict === 'passing' ? 0 : 1 + (run % 3) };
}

const [RUN, STATUS, TRIGGERED_BY] = [0, 3, 10];

function liveValues(run: Run): unknown[] {
  const { look, place } = run;
  const { passed, failed } = steps(run);
  // The live path adjusts the counts of some runs.
  const adjusted = run.run % 5 === 0 ? 1 : 0;
  return [
    run.run,
    run.liveId,
    place.agentUrl,
    look.verdict,
    passed + adjusted,
    failed,
    look.durationMs,
    look.headline,
    look.liveProfile,
    look.namesOrganization ? place.organization : null,
    'owner_test',
  ];
}

async function writeVerdict(client: Client, { place, look }: Run): Promise<void> {
  const status = look.verdict === 'partial' ? 'degraded' : look.verdict;
  await client.query(sql.WRITE_VERDICT, [place.agentUrl, status, look.headline]);
}
