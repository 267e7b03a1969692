/**
 * The end of the old table, in the order of the runbook's chapter "Taking the old table away". The demo does not last for weeks, so
 * it takes the three steps that depend on days through their functions, with clocks of zero days. The commands have no such way.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import {
  checkedRows,
  readVerification,
  verificationState,
  type VerificationFacts,
} from '../operations/facts/verification.ts';
import { close } from '../operations/retire/close.ts';
import { ask, legacyRows } from './ask.ts';
import { checkOf, type Check } from './check.ts';
import { Command } from './command.ts';
import { dropTable, fenceTable, step } from './fenced.ts';
import type { Surroundings } from './phases.ts';
import { restore } from './restored.ts';
import { tearDown } from './torn-down.ts';
import { untilDone } from './wait.ts';

const BY = 'the demo';

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
    VERIFY_MAX_SHARE: '1',
  };
  const inDemo = { ...run, command: { ...run.command, environment } };
  const projector = new Command(['project', '--json'], inDemo.command);
  try {
    const [proven, archived] = await timed('reconcile and archive the table, and read the archive back', () =>
      Promise.all([reconciled(inDemo, 'proven'), archive(inDemo)]),
    );
    const gate = await timed('ask the soak whether the table may go', () => askGate(inDemo));
    const restored = await timed('restore the archive into another database', () => restore(inDemo));
    const verified = await timed('wait until the projector has verified everything', () => verify(inDemo));
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
        ...[proven, gate.check, archived.check, restored, verified],
        ...[...fenced, closed, dropped, gone, evidence.check],
      ],
    };
  } finally {
    await projector.end();
  }
}

const VERDICT = z.object({ verdict: z.string() });

/** Waits until each row was compared in a pass over everything, and each row that changed before now after its change. */
async function verify({ pool, signal }: Run): Promise<Check> {
  const { rows } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const now = rows[0]?.now ?? new Date();
  await untilDone({
    what: 'the verification of everything that was projected',
    signal,
    measure: async () => {
      const facts = await readVerification(pool);
      const done = facts == null ? 0 : checkedRows(facts);
      return { done, total: facts != null && isOver(facts, now) ? done : done + 1 };
    },
  });
  const facts = (await readVerification(pool)) ?? null;
  return checkOf({
    id: 'verified',
    claim: 'the projector has compared again everything that it had projected, and nothing is wrong',
    expected: 'good',
    found: verificationState(facts).state,
    lookedAt: facts === null ? 0 : checkedRows(facts),
  });
}

function isOver(facts: VerificationFacts, now: Date): boolean {
  const { state } = verificationState(facts);
  return state === 'wrong' || (state === 'good' && facts.suspects === 0 && facts.changesUntil > now);
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
  const attested = ['--since', new Date().toISOString(), '--by', BY, '--note', 'for the demo'];
  await Promise.all(
    ['reading-canonical', 'third-party-plan'].map((condition) =>
      ask(run, ['soak', 'attest', condition, ...attested], z.unknown()),
    ),
  );
  const { allMet, conditions } = await ask(run, ['soak'], SOAK);
  const waiting = conditions.find(({ id }) => id === 'reading-canonical');
  return {
    lines: conditions,
    check: checkOf({
      id: 'gate-refuses',
      claim: 'the gate refuses a table that was not soaked for as many days as it must be',
      expected: 'refused, reading-canonical not_met',
      found: `${allMet ? 'let through' : 'refused'}, reading-canonical ${waiting?.state ?? 'missing'}`,
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

async function closeBehindFence(run: Run): Promise<Check> {
  const [again] = await Promise.all([reconciled(run, 'proven-behind-fence'), archive(run)]);
  const { stage } = await step(run, 'close', close);
  return { ...again, passed: again.passed && stage === 'archived' };
}

const PARTS = z.object({ parts: z.array(z.unknown()) });

async function exportEvidence(run: Run): Promise<{ file: string; check: Check }> {
  const file = path.resolve(path.dirname(run.stack.logFile), '../../..', `${run.stackName}-evidence.jsonl`);
  rmSync(file, { force: true });
  const { parts } = await ask(run, ['evidence', 'export', file], PARTS);
  const { verdict } = await ask(run, ['evidence', 'verify', file], VERDICT);
  return {
    file,
    check: checkOf({
      id: 'evidence',
      claim: 'the evidence file is intact, by its own hashes',
      expected: 'intact',
      found: verdict,
      lookedAt: parts.length,
    }),
  };
}
