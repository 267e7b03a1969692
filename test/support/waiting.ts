import type pg from 'pg';
import { afterEach } from 'vitest';
import { createPool, type Client, type Pool } from '../../lib/postgres.ts';
import { until } from './until.ts';

const WAITING = `
  SELECT wait_event, query FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = $1 AND wait_event_type = 'Lock'`;

/** What a session of ours stands still for: a lock of ours on agents, or a row of a table. */
export type Whereabouts = 'agents' | 'offsets' | 'another row' | 'ended';

/**
 * Where the work that runs over the pool of this name has got to, once it waits for a lock or has ended: so that a test
 * neither sleeps nor guesses. Two looks in a row must agree, because Postgres reads the wait of a session later than its
 * statement: one look can show the wait of the next statement beside the text of the last.
 */
export async function whereabouts(pool: Pool, name: string, work: Promise<unknown>): Promise<Whereabouts> {
  let ended = false;
  const end = () => (ended = true);
  work.then(end, end);
  let before: Whereabouts | undefined;
  const look = async (): Promise<Whereabouts | undefined> => {
    const { rows } = await pool.query<{ wait_event: string; query: string }>(WAITING, [name]);
    const [waiting] = rows;
    if (waiting === undefined) return undefined;
    if (waiting.wait_event === 'advisory') return 'agents';
    return waiting.query.includes('FROM history_cdc.consumer_offset') ? 'offsets' : 'another row';
  };
  return await until(`${name} waits or ends`, async () => {
    if (ended) return 'ended';
    const seen = await look();
    const isStable = seen === before;
    before = seen;
    return isStable && seen;
  });
}

/** A transaction that a test keeps open: what its statements lock is locked until the release. */
export interface Held {
  readonly client: Client;
  execute(statement: string, ...values: unknown[]): Promise<void>;
  /** Commits; a second time it does nothing. */
  release(): Promise<void>;
}

/** For tests in which sessions meet. */
export interface Sessions {
  /** Opens a transaction with a statement, and keeps it open. */
  hold(pool: Pool, statement: string, ...values: unknown[]): Promise<Held>;
  /** A pool whose work can be told by its name. */
  poolOf(url: string, name: string): Pool;
}

/** What a test that fails in the middle leaves open is let go first, because the work over the pools may wait for it. */
export function useSessions(): Sessions {
  const held: Held[] = [];
  const pools: Pool[] = [];
  afterEach(async () => {
    for (const one of held.splice(0)) await one.release();
    for (const pool of pools.splice(0)) await pool.end();
  });
  return {
    hold: async (pool, statement, ...values) => {
      const one = holdOf(await pool.connect());
      held.push(one);
      await one.client.query('BEGIN');
      await one.execute(statement, ...values);
      return one;
    },
    poolOf: (url, name) => {
      const pool = createPool({ url, name, connections: 3 });
      pools.push(pool);
      return pool;
    },
  };
}

function holdOf(client: pg.PoolClient): Held {
  let isOpen = true;
  return {
    client,
    execute: async (statement, ...values) => {
      const { rowCount } = await client.query(statement, values);
      if (rowCount === 0) throw new Error(`a test's statement met no row: ${statement}`);
    },
    release: async () => {
      if (!isOpen) return;
      isOpen = false;
      await client.query('COMMIT');
      client.release();
    },
  };
}
