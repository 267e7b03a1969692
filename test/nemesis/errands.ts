import { setTimeout } from 'node:timers/promises';
import { runCommand, type CommandOptions } from '../../demo/command.ts';
import { messageOf } from '../../lib/errors.ts';
import { inTransaction, type Pool } from '../../lib/postgres.ts';
import type { Journal } from './journal.ts';
import type { Projectors } from './projectors.ts';
import type { Errand } from './schedule.ts';

export interface ErrandOptions {
  readonly pool: Pool;
  readonly projectors: Projectors;
  readonly mostProjectors: number;
  readonly command: CommandOptions;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

type Facts = Readonly<Record<string, unknown>>;
type Run = (options: ErrandOptions) => Promise<Facts>;

/** How long records are refused, until somebody mends the cause and retries them. */
const POISON_SECONDS = 8;
/** A constraint of the canonical table that refuses one in sixteen of the rows that a projector writes. */
const POISON = `
  ALTER TABLE agent_compliance_runs ADD CONSTRAINT nemesis_poison CHECK (
    observations_json ->> 'backfill_script' IS DISTINCT FROM 'history-cdc'
    OR right(observations_json ->> 'backfill_source_id', 1) <> '7') NOT VALID`;
const CURE = 'ALTER TABLE agent_compliance_runs DROP CONSTRAINT IF EXISTS nemesis_poison';
// The demo keeps deleted rows in a table of the same columns.
const TABLES = ['agent_test_history', 'demo.deleted_row'];
const LONG_ENOUGH_MS = 180_000;

/** What operators and other teams do beside the faults. A command may fail while a server is down; that is recorded. */
export const ERRAND: Readonly<Record<Errand, Run>> = {
  'one projector more': ({ projectors, mostProjectors }) => {
    if (projectors.count < mostProjectors) projectors.add();
    return Promise.resolve({ projectors: projectors.count });
  },
  'one projector less': async ({ projectors }) => {
    if (projectors.count > 1) await projectors.remove();
    return { projectors: projectors.count };
  },
  'restart connector': (options) => ran(options, ['connector', 'restart']),
  'snapshot by signal': (options) => ran(options, ['snapshot', 'start', '--json']),
  'archive export': (options) => ran(options, ['archive', 'export', '--by', 'nemesis', '--json']),
  'one column more': (options) =>
    execute(
      options,
      TABLES.map((table) => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS nemesis_note text DEFAULT 'x'`),
    ),
  'one column less': (options) =>
    execute(
      options,
      TABLES.map((table) => `ALTER TABLE ${table} DROP COLUMN IF EXISTS nemesis_note`),
    ),
  'refuse rows, then retry': async (options) => {
    await execute(options, [CURE, POISON]);
    try {
      await setTimeout(POISON_SECONDS * 1000, undefined, { signal: options.signal });
    } finally {
      await execute(options, [CURE]);
    }
    return await retryQuarantine(options);
  },
};

/** Sends everything that is parked through the projector again. */
export async function retryQuarantine(options: Pick<ErrandOptions, 'command' | 'signal'>): Promise<Facts> {
  return await ran(options, ['quarantine', 'retry', '--apply', '--json']);
}

async function ran(
  { command, signal }: Pick<ErrandOptions, 'command' | 'signal'>,
  args: readonly string[],
): Promise<Facts> {
  try {
    await runCommand(args, { ...command, signal, codes: [0, 1] });
    return { ended: 'with an answer' };
  } catch (error) {
    signal.throwIfAborted();
    return { ended: messageOf(error).slice(0, 300) };
  }
}

/** Executes statements in one transaction, again and again until it goes through: a lock or an outage may be in the way. */
async function execute({ pool }: ErrandOptions, statements: readonly string[]): Promise<Facts> {
  const giveUpAt = performance.now() + LONG_ENOUGH_MS;
  for (let attempts = 1; ; attempts++) {
    try {
      await inTransaction(pool, async (client) => {
        for (const statement of statements) await client.query(statement);
      });
      return { attempts };
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await setTimeout(500);
    }
  }
}
