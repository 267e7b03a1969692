/** The steps that depend on days, with clocks of zero days. The commands have no such way. */
import { randomUUID } from 'node:crypto';
import { withServices } from '../operations/facts/services.ts';
import { readTopicEnds } from '../operations/reconcile/topic-ends.ts';
import type { RetireContext } from '../operations/retire/context.ts';
import { drop, TABLE } from '../operations/retire/drop.ts';
import { fence } from '../operations/retire/fence.ts';
import { lookAtSoak } from '../operations/soak/soak.ts';
import { lookAtStanding } from '../operations/verification/standing.ts';
import { createLogger } from '../lib/log.ts';
import { sqlState } from '../lib/postgres-errors.ts';
import { legacyRows } from './ask.ts';
import { checkOf, type Check } from './check.ts';
import type { Surroundings } from './phases.ts';

const NO_DAYS = { SOAK_LIVE_DAYS: 0, SOAK_READ_DAYS: 0, SOAK_QUIET_DAYS: 0 };
/** The code with which the fence refuses a write: insufficient_privilege. */
const REFUSED = '42501';
const LOCK_SECONDS = 20;
const SETTLE_SECONDS = 30;

/** Calls one of the steps, with the demo's own clock. */
export async function step<T>(
  run: Surroundings,
  name: string,
  work: (context: RetireContext) => Promise<T>,
): Promise<T> {
  const { stack, signal } = run;
  const config = { ...stack.config, LOG_LEVEL: 'silent' } as const;
  return await withServices(config, { name: `history-cdc retire ${name}`, bounds: 'work' }, (services) =>
    work({
      canonical: services.canonical(),
      legacy: services.legacy(),
      gate: () => lookAtSoak(services, config, { days: NO_DAYS }),
      standing: () => lookAtStanding(services.canonical()),
      stream: {
        legacy: services.legacy(),
        slot: config.SLOT_NAME,
        topicEnds: () => readTopicEnds(config),
      },
      settleSeconds: SETTLE_SECONDS,
      fencedDays: 0,
      ownerUrl: config.DATABASE_URL,
      by: 'the demo',
      waitSeconds: LOCK_SECONDS,
      signal,
      note: createLogger('silent').info,
    }),
  );
}

const INSERT = `
  INSERT INTO ${TABLE} (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed)
  SELECT $1, id, 'quality_evaluation', true, 1, 0 FROM agent_contexts LIMIT 1`;
const DELETE_CONTEXT = `
  WITH gone AS (
    DELETE FROM agent_contexts WHERE id = (SELECT agent_context_id FROM ${TABLE} ORDER BY id LIMIT 1) RETURNING id)
  SELECT count(*)::integer AS rows FROM ${TABLE} t JOIN gone ON gone.id = t.agent_context_id`;

export async function fenceTable(run: Surroundings): Promise<Check[]> {
  const { pool } = run;
  await step(run, 'fence', fence);
  const refused = await pool.query(INSERT, [randomUUID()]).then(() => 'written', sqlState);
  const before = await legacyRows(pool);
  const { rows } = await pool.query<{ rows: number }>(DELETE_CONTEXT);
  const cascaded = rows[0]?.rows ?? 0;
  return [
    checkOf({
      id: 'write-refused',
      claim: 'behind the fence, a write of the table’s owner is refused',
      expected: REFUSED,
      found: refused ?? 'another error',
      lookedAt: before,
    }),
    checkOf({
      id: 'cascade-passes',
      claim: 'behind the fence, a context can still be deleted, and takes its rows with it',
      expected: String(cascaded),
      found: String(before - (await legacyRows(pool))),
      lookedAt: cascaded,
    }),
  ];
}

export async function dropTable(run: Surroundings): Promise<Check> {
  const lookedAt = await legacyRows(run.pool);
  await step(run, 'drop', (context) => drop(context, TABLE));
  const { rows } = await run.pool.query<{ found: string | null }>('SELECT to_regclass($1)::text AS found', [
    `public.${TABLE}`,
  ]);
  return checkOf({
    id: 'dropped',
    claim: 'the table is gone',
    expected: 'gone',
    found: rows[0]?.found ?? 'gone',
    lookedAt,
  });
}
