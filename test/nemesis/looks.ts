import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { runCommand, type CommandOptions } from '../../demo/command.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Pool } from '../../lib/postgres.ts';
import type { Journal } from './journal.ts';
import type { Look } from './schedule.ts';

const SQL = (name: string) => readFileSync(new URL(`sql/${name}.sql`, import.meta.url), 'utf8');

const RECONCILED = z.object({
  verdict: z.enum(['proven', 'wrong', 'not_proven']),
  waitedFor: z.string().nullable(),
  kinds: z.array(z.object({ kind: z.string(), severity: z.string(), confirmed: z.number() })),
  findings: z.array(
    z.object({ kind: z.string(), severity: z.string(), state: z.string(), legacyId: z.string().nullable() }),
  ),
});
const STATUS = z.object({
  state: z.string(),
  problems: z.array(z.object({ id: z.string(), severity: z.string() })),
});

export interface LooksOptions {
  readonly pool: Pool;
  readonly command: CommandOptions;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  /** The server that is down or stopped right now, if there is one. */
  readonly down: () => object | undefined;
}

type Facts = Readonly<Record<string, unknown>>;

/** Asks whether all is well, and holds the answer against the truth. Each wrong answer is a failure of the run. */
export const LOOK: Readonly<Record<Look, (options: LooksOptions) => Promise<Facts>>> = {
  reconcile: lookByReconcile,
  status: lookByStatus,
};

export async function lookByReconcile({ pool, command, journal, signal }: LooksOptions): Promise<Facts> {
  const noted = await pool.query(SQL('note-known')).then(
    () => true,
    () => false,
  );
  const answer = await asked(['reconcile', '--fresh', '--json'], RECONCILED, { ...command, signal });
  if (answer instanceof Error) return { verdict: 'could not run', why: messageOf(answer).slice(0, 300) };
  const { verdict, waitedFor, findings } = answer;
  const confirmed = findings.filter(({ state, severity }) => state === 'confirmed' && severity === 'wrong');
  if (verdict === 'wrong') journal.failed('reconcile says wrong', { confirmed: confirmed.slice(0, 20) });
  if (verdict !== 'proven' || !noted) return { verdict, waitedFor };
  const { rows } = await untilAnswered(
    () => pool.query<{ lie: string; legacy_id: string }>(SQL('lies')),
    signal,
  );
  if (rows.length > 0) journal.failed('reconcile says proven, and the truth is another', { rows });
  return { verdict, contradicted: rows.length };
}

export async function lookByStatus({ command, journal, signal, down }: LooksOptions): Promise<Facts> {
  const before = down();
  const answer = await asked(['status', '--json'], STATUS, { ...command, signal });
  if (answer instanceof Error) return { state: 'could not run', why: messageOf(answer).slice(0, 300) };
  const { state, problems } = answer;
  // The same outage before and after: it lasted all the time that the question took.
  if ((state === 'good' || state === 'attention') && before !== undefined && before === down())
    journal.failed('status says that all is well, and a server is down', { down: before });
  return { state, problems: problems.map(({ id, severity }) => `${id} ${severity}`) };
}

async function asked<T extends z.ZodType>(
  args: readonly string[],
  shape: T,
  options: CommandOptions & { readonly signal: AbortSignal },
): Promise<z.output<T> | Error> {
  try {
    return shape.parse(await runCommand(args, { ...options, codes: [0, 1] }));
  } catch (error) {
    // An answer in another form is a defect; that a command cannot run while servers are down is none.
    if (error instanceof z.ZodError) throw error;
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Postgres may be down at this moment; the truth can wait. */
async function untilAnswered<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
