import { z } from 'zod';
import { TABLE } from '../operations/retire/drop.ts';
import { createPool, type Pool } from '../lib/postgres.ts';
import { ask, legacyRows } from './ask.ts';
import { checkOf, type Check } from './check.ts';
import type { Surroundings } from './phases.ts';

const RESTORED = 'restored';

/** Restores the archive into another database. Judged by SQL of the demo's own. */
export async function restore(run: Surroundings): Promise<Check> {
  const { pool, stack } = run;
  const url = new URL(stack.config.DATABASE_URL);
  url.pathname = `/${RESTORED}`;
  await createDatabase(run, url.username);
  const environment = { ...run.command.environment, RESTORE_DATABASE_URL: url.href };
  await ask(
    { ...run, command: { ...run.command, environment } },
    ['archive', 'restore', '--apply', '--by', 'the demo'],
    z.unknown(),
  );
  const there = createPool({ url: url.href, name: 'history-cdc demo', connections: 1 });
  try {
    return checkOf({
      id: 'restored',
      claim: 'the table that was restored elsewhere from the archive is byte-identical',
      expected: await hashOfTable(pool),
      found: await hashOfTable(there),
      lookedAt: await legacyRows(there),
    });
  } finally {
    await there.end();
  }
}

async function createDatabase({ stack }: Surroundings, owner: string): Promise<void> {
  const superuser = createPool({
    url: stack.running.addresses.superuserUrl,
    name: 'history-cdc demo',
    connections: 1,
  });
  try {
    await superuser.query(`CREATE DATABASE ${RESTORED} OWNER ${owner}`);
  } finally {
    await superuser.end();
  }
}

const HASH = `SELECT encode(sha256(convert_to(string_agg(t::text, E'\\n' ORDER BY id), 'UTF8')), 'hex') AS hash FROM ${TABLE} t`;

async function hashOfTable(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ hash: string | null }>(HASH);
  return rows[0]?.hash?.slice(0, 12) ?? 'no rows';
}
