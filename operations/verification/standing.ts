/** What an irreversible step may rest on: the last whole `reconcile`, and the verification inside `project`. */
import type { Pool } from '../../lib/postgres.ts';
import { openGaps, type Gap } from '../continuity/gaps.ts';
import { readVerification, verificationState, type VerificationState } from '../facts/verification.ts';
import { reportOf } from '../reconcile/report.ts';
import { lastFinished, type ProofVerdict } from '../reconcile/run-store.ts';

/** The last run of `reconcile` over everything that came to its end. */
export interface WholeVerdict {
  readonly runId: string;
  readonly verdict: ProofVerdict;
  /** By the clock of the canonical database, as all times here. What was written later is not covered. */
  readonly startedAt: Date;
  readonly finishedAt: Date;
  /** Null of early releases. */
  readonly release: string | null;
  readonly ruleVersion: number;
  readonly legacyRows: number;
  readonly ledgerRows: number;
  readonly canonicalRows: number;
  /** How many rows the verdict makes no statement about, by reason. */
  readonly excepted: Readonly<Record<string, number>>;
  /** Why the verdict says nothing any more (older than 24 hours, another release, another rule); null if it does. */
  readonly stale: string | null;
}

export interface BackgroundStanding {
  /** Only `good` is good. */
  readonly state: VerificationState;
  readonly why: string;
  /** Rows that are certain to be wrong; null where nothing has looked yet. */
  readonly wrong: number | null;
  /** Findings and changed rows that are still to be looked at; null where nothing has looked yet. */
  readonly waiting: number | null;
  /** Every row was compared after this moment; null before the end of the first pass. */
  readonly everyRowSince: Date | null;
  /** Every change before this moment was compared after it. */
  readonly changesUntil: Date | null;
  /** The first ids of what is wrong. */
  readonly ids: readonly string[];
}

export interface Standing {
  readonly whole: WholeVerdict | null;
  readonly background: BackgroundStanding;
  readonly gaps: readonly Gap[];
  /**
   * Why an irreversible step must not be taken, one sentence each; empty only if the last whole `reconcile` is proven and
   * not stale, no gap is open, and the verification in the background holds everything to be right.
   */
  readonly refusals: readonly string[];
}

/** Reads only. Throws if the canonical database does not answer: nothing may go on without an answer. */
export async function lookAtStanding(canonical: Pool): Promise<Standing> {
  const whole = await wholeVerdict(canonical);
  const background = await backgroundStanding(canonical);
  const gaps = await openGaps(canonical);
  return { whole, background, gaps, refusals: [...refusalsOf(whole, gaps), ...notGood(background)] };
}

async function wholeVerdict(canonical: Pool): Promise<WholeVerdict | null> {
  const run = await lastFinished(canonical);
  if (run === undefined || run.finished_at === null) return null;
  const { verdict, stale } = await reportOf(canonical, run);
  return {
    runId: run.id,
    verdict,
    startedAt: run.started_at,
    finishedAt: run.finished_at,
    release: run.release,
    ruleVersion: run.rule_version,
    legacyRows: Number(run.legacy_rows),
    ledgerRows: Number(run.ledger_rows),
    canonicalRows: Number(run.canonical_rows),
    excepted: run.excepted ?? {},
    stale,
  };
}

async function backgroundStanding(canonical: Pool): Promise<BackgroundStanding> {
  const facts = (await readVerification(canonical)) ?? null;
  const { lastPass = null } = facts ?? {};
  return {
    ...verificationState(facts),
    wrong: facts?.wrong ?? null,
    waiting: facts === null ? null : facts.suspects + facts.waitingRows,
    everyRowSince: lastPass === null ? null : new Date(lastPass.beganAt),
    changesUntil: facts?.changesUntil ?? null,
    ids: facts?.ids ?? [],
  };
}

function refusalsOf(whole: WholeVerdict | null, gaps: readonly Gap[]): string[] {
  const verdict =
    whole === null
      ? ['`reconcile` has never compared everything']
      : whole.verdict !== 'proven'
        ? [`the last whole \`reconcile\` (run ${whole.runId}) is ${whole.verdict.replace('_', ' ')}`]
        : whole.stale === null
          ? []
          : [`the verdict of the last whole \`reconcile\` is stale: ${whole.stale}`];
  return [...verdict, ...gaps.map(({ id, kind }) => `gap ${id} of the stream is open (${kind})`)];
}

function notGood({ state, why }: BackgroundStanding): string[] {
  return state === 'good' ? [] : [`the verification in the background is ${state}: ${why}`];
}
