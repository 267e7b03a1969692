/**
 * The end of the old table, in the order of the runbook's chapter "Taking the old table away". The demo does not last for weeks, so
 * it takes the three steps that depend on days through their functions, with clocks of zero days. The commands have no such way.
 */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { checkedRows, readVerification, verificationState } from '../operations/facts/verification.ts';
import { withServices } from '../operations/facts/services.ts';
import { readTopicEnds } from '../operations/reconcile/topic-ends.ts';
import { close } from '../operations/retire/close.ts';
import type { RetireContext } from '../operations/retire/context.ts';
import { drop, TABLE } from '../operations/retire/drop.ts';
import { fence } from '../operations/retire/fence.ts';
import { lookAtSoak } from '../operations/soak/soak.ts';
import { lookAtStanding } from '../operations/verification/standing.ts';
import { createLogger } from '../lib/log.ts';
import { createPool, type Pool } from '../lib/postgres.ts';
import { sqlState } from '../lib/postgres-errors.ts';
import { checkOf, type Check } from './check.ts';
import { Command, runCommand } from './command.ts';
import type { Surroundings } from './phases.ts';
import { untilDone } from './wait.ts';

const BY = 'the demo';
const NO_DAYS = { SOAK_LIVE_DAYS: 0, SOAK_READ_DAYS: 0, SOAK_QUIET_DAYS: 0 };
const RESTORED = 'restored';
const LOCK_SECONDS = 20;
const SETTLE_SECONDS = 30;

type Timed = <T>(name: string, work: () => Promise<T>) => Promise<T>;
type Run = Surroundings & { readonly timed: Timed };

export interface GateLine {
  readonly id: string;
  readonly state: string;
  readonly missing: string | null;
}

/** How the table went. */
export interface RetirementFacts {
  /** The soak's conditions, judged by the days that the settings ask for. */
  readonly gate: readonly GateLine[];
  readonly archive: { readonly target: string; readonly rows: number };
  readonly evidenceFile: string;
}

export async function retireTable(
  run: Run,
): Promise<RetirementFacts & { readonly checks: readonly Check[] }> {
  const { timed, stack } = run;
  const environment = {
    ...run.command.environment,
    OWNER_DATABASE_URL: stack.config.DATABASE_URL,
    // The verification need not wait for rows that are still on their way, because nobody writes any more.
    VERIFY_AFTER_SECONDS: '1',
    VERIFY_ROWS_PER_SECOND: '100000',
  };
  const inDemo = { ...run, command: { ...run.command, environment } };
  const projector = new Command(['project', '--json'], inDemo.command);
  try {
    const proven = await timed('verify again all that was projected, and reconcile', () => prove(inDemo));
    const gate = await timed('ask the soak whether the table may go', () => askGate(inDemo));
    const archived = await timed('archive the table, and read the archive back', () => archive(inDemo));
    const restored = await timed('restore the archive into another database', () => restore(inDemo));
    const fenced = await timed('fence the table', () => fenceTable(inDemo));
    const closed = await timed('prove and archive once more behind the fence', () =>
      closeBehindFence(inDemo),
    );
    await projector.stop();
    const dropped = await timed('drop the table', () => dropTable(inDemo));
    const gone = await timed('tear the connector down', () => tearDown(inDemo));
    const evidence = await timed('export the evidence, and verify it', () => exportEvidence(inDemo));
    return {
      gate: gate.lines,
      archive: archived.archive,
      evidenceFile: evidence.file,
      checks: [
        ...[proven, gate.check, archived.check, restored],
        ...[...fenced, closed, dropped, gone, evidence.check],
      ],
    };
  } finally {
    await projector.end();
  }
}

/** Runs a command that may also answer no (exit code 1), and gives its answer as `shape` has it. */
async function ask<T extends z.ZodType>(
  { command, signal }: Run,
  args: readonly string[],
  shape: T,
): Promise<z.output<T>> {
  return shape.parse(await runCommand([...args, '--json'], { ...command, signal, codes: [0, 1] }));
}

const VERDICT = z.object({ verdict: z.string() });

async function prove(run: Run): Promise<Check> {
  const { pool, signal } = run;
  await untilDone({
    what: 'the verification of everything that was projected',
    signal,
    measure: async () => {
      const facts = (await readVerification(pool)) ?? null;
      const done = facts === null ? 0 : checkedRows(facts);
      return { done, total: verificationState(facts).state === 'good' ? done : done + 1 };
    },
  });
  return await reconciled(run, 'proven');
}

async function reconciled(run: Run, id: string): Promise<Check> {
  const found = await ask(run, ['reconcile', '--fresh'], VERDICT);
  return checkOf({
    id,
    claim:
      '`reconcile` compares legacy rows, ledger and canonical rows both ways: nothing is missing or different',
    expected: 'proven',
    found: found.verdict,
    lookedAt: await legacyRows(run.pool),
  });
}

const SOAK = z.object({
  allMet: z.boolean(),
  conditions: z.array(z.object({ id: z.string(), state: z.string(), missing: z.string().nullable() })),
});

/** The demo is some minutes old: the conditions that count days cannot be met, and the gate must say so. */
async function askGate(run: Run): Promise<{ lines: readonly GateLine[]; check: Check }> {
  for (const condition of ['reading-canonical', 'third-party-plan'])
    await ask(
      run,
      [
        'soak',
        'attest',
        condition,
        '--since',
        new Date().toISOString(),
        '--by',
        BY,
        '--note',
        'for the demo',
      ],
      z.unknown(),
    );
  const { allMet, conditions } = await ask(run, ['soak'], SOAK);
  return {
    lines: conditions,
    check: checkOf({
      id: 'gate-refuses',
      claim: 'the gate refuses a table that was not soaked for as many days as it must be',
      expected: 'refused',
      found: allMet ? 'let through' : 'refused',
      lookedAt: conditions.length,
    }),
  };
}

const EXPORTED = z.object({ target: z.string(), rows: z.number() });

async function archive(run: Run): Promise<{ archive: RetirementFacts['archive']; check: Check }> {
  const { target, rows } = await ask(run, ['archive', 'export', '--by', BY], EXPORTED);
  const verified = await ask(run, ['archive', 'verify', '--by', BY], VERDICT);
  const lookedAt = await legacyRows(run.pool);
  return {
    archive: { target, rows },
    check: checkOf({
      id: 'archived',
      claim: 'the archive was read back, and equals table and ledger row by row',
      expected: `${String(lookedAt)} verified`,
      found: `${String(rows)} ${verified.verdict}`,
      lookedAt,
    }),
  };
}

/** Judged here, by SQL of the demo's own. */
async function restore(run: Run): Promise<Check> {
  const { pool, stack } = run;
  const url = new URL(stack.config.DATABASE_URL);
  url.pathname = `/${RESTORED}`;
  await createDatabase(run, url.username);
  const environment = { ...run.command.environment, RESTORE_DATABASE_URL: url.href };
  await ask(
    { ...run, command: { ...run.command, environment } },
    ['archive', 'restore', '--apply', '--by', BY],
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

async function createDatabase({ stack }: Run, owner: string): Promise<void> {
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

async function legacyRows(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ rows: number }>(`SELECT count(*)::integer AS rows FROM ${TABLE}`);
  return rows[0]?.rows ?? 0;
}

/** Calls one of the steps, with the demo's own clock. */
async function step<T>(run: Run, name: string, work: (context: RetireContext) => Promise<T>): Promise<T> {
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
      by: BY,
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

async function fenceTable(run: Run): Promise<Check[]> {
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
      expected: 'refused',
      found: refused === 'written' ? refused : 'refused',
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

async function closeBehindFence(run: Run): Promise<Check> {
  const again = await reconciled(run, 'proven-behind-fence');
  await archive(run);
  const { stage } = await step(run, 'close', close);
  return { ...again, passed: again.passed && stage === 'archived' };
}

async function dropTable(run: Run): Promise<Check> {
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

/** What Postgres and Kafka have of ours, asked without our own facts. */
async function leftOf({ pool, cluster, topic, stack }: Run): Promise<number> {
  const { config } = stack;
  const { rows } = await pool.query<{ left: number }>(
    `SELECT (SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1)::integer
          + (SELECT count(*) FROM pg_publication WHERE pubname = $2)::integer AS left`,
    [config.SLOT_NAME, config.PUBLICATION_NAME],
  );
  const topics = await cluster.listTopics();
  return (rows[0]?.left ?? 0) + topics.filter((name) => name === topic).length;
}

/** With the login of a DBA, because the application's role may drop no replication slot. */
async function tearDown(run: Run): Promise<Check> {
  const lookedAt = await leftOf(run);
  const dba = new URL(run.stack.running.addresses.superuserUrl);
  dba.pathname = new URL(run.stack.config.LEGACY_DATABASE_URL).pathname;
  const environment = { ...run.command.environment, LEGACY_DATABASE_URL: dba.href };
  await ask(
    { ...run, command: { ...run.command, environment } },
    ['teardown', '--apply', '--confirm', TABLE],
    z.unknown(),
  );
  return checkOf({
    id: 'torn-down',
    claim: 'slot, publication and topic are gone, as Postgres and Kafka say',
    expected: '0',
    found: String(await leftOf(run)),
    lookedAt,
  });
}

async function exportEvidence(run: Run): Promise<{ file: string; check: Check }> {
  const file = path.resolve(path.dirname(run.stack.logFile), '../../..', `${run.stackName}-evidence.jsonl`);
  rmSync(file, { force: true });
  await ask(run, ['evidence', 'export', file], z.unknown());
  const { verdict } = await ask(run, ['evidence', 'verify', file], VERDICT);
  return {
    file,
    check: checkOf({
      id: 'evidence',
      claim: 'the evidence file is intact, by its own hashes',
      expected: 'intact',
      found: verdict,
      lookedAt: 1,
    }),
  };
}
