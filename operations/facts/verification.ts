import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import { spanText } from '../../lib/figures.ts';
import type { Client } from '../../lib/postgres.ts';
import { RELEASE } from '../../lib/release.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { Kind } from '../reconcile/kinds.ts';
import { ifMigrated } from './postgres.ts';

/** A pass over everything that came to its end. Each row that existed throughout was compared after `beganAt`. */
export interface VerifiedPass {
  /** ISO time. */
  readonly beganAt: string;
  readonly endedAt: string;
  readonly release: string;
  readonly ruleVersion: number;
  /** Compared, of the three tables together. */
  readonly rows: number;
  readonly secondsSinceBegin: number;
}

/** What the verification inside `project` has stored. Ages are by the clock of the canonical database. */
export interface VerificationFacts {
  readonly aliveBy: string;
  readonly aliveSecondsAgo: number;
  readonly rowsPerSecond: number;
  /** Null until the first step is done. */
  readonly movedAt: Date | null;
  /** Since a step was done, or since its rest ended. */
  readonly stillSeconds: number;
  readonly heldBecause: string | null;
  readonly heldSeconds: number | null;
  /** The code of the first failure since the last step that was done. */
  readonly failure: string | null;
  readonly failingSeconds: number | null;
  /** Of the pass that is under way. */
  readonly release: string;
  readonly ruleVersion: number;
  readonly passBeganAt: Date;
  readonly phase: string;
  readonly passRows: number;
  /** Each row of the ledger that changed before this moment was compared after its change. */
  readonly changesUntil: Date;
  readonly changesUntilSecondsAgo: number;
  readonly changedRows: number;
  /** Rows that changed and were not compared yet, at the last count. */
  readonly waitingRows: number;
  readonly lastPass: VerifiedPass | null;
  /** Findings that are to be looked at again before they count. */
  readonly suspects: number;
  readonly wrong: number;
  /** Findings that the last `reconcile` counted as accepted by a person. */
  readonly accepted: number;
  readonly kinds: Readonly<Partial<Record<Kind, number>>>;
  /** The first ids of what is wrong. */
  readonly ids: readonly string[];
}

const VERIFICATION = sqlFile(import.meta.url, './sql/verification.sql');
const IDS_NAMED = 20;

/** Null where no projector has verified anything yet; undefined where there is no ledger, or an earlier release's. */
export async function readVerification(client: Client): Promise<VerificationFacts | null | undefined> {
  return await ifMigrated(async () => {
    const { rows } = await client.query<VerificationFacts>(VERIFICATION, [IDS_NAMED]);
    return rows[0] ?? null;
  });
}

/** Compared in the last pass over everything, or, before its end, so far; and rows that changed. */
export function checkedRows({ lastPass, passRows, changedRows }: VerificationFacts): number {
  return (lastPass?.rows ?? passRows) + changedRows;
}

/** `unverified`: it works, and no pass over everything has ended yet. `unknown`: it does not work, or not for certain. */
export type VerificationState = 'good' | 'wrong' | 'unverified' | 'unknown';

/** A projector says every 15 s that it is there. */
const SILENT_SECONDS = 90;
/** A failure of the moment is tried again; one that lasts so long is none. */
const FAILING_SECONDS = 60;
/** Longer than any statement of it may take. */
const STUCK_SECONDS = 1_200;
/** History of a large table may hold it back for hours. */
const HELD_TOO_LONG_SECONDS = 21_600;

/**
 * Pure. It is `good` only if everything was compared by this release, lately, and nothing was found. What did not look says
 * nothing, however few rows it found to be wrong.
 */
export function verificationState(facts: VerificationFacts | null): {
  readonly state: VerificationState;
  readonly why: string;
} {
  if (facts === null)
    return { state: 'unknown', why: 'no projector has verified anything yet (VERIFY_ROWS_PER_SECOND)' };
  const { wrong, aliveSecondsAgo, failure, failingSeconds, stillSeconds, heldBecause, lastPass } = facts;
  if (wrong > 0) {
    const kinds = Object.entries(facts.kinds).map(([kind, rows]) => `${kind} ${rows.toLocaleString('en')}`);
    return { state: 'wrong', why: kinds.join(', ') };
  }
  const unknown = (why: string) => ({ state: 'unknown', why }) as const;
  if (aliveSecondsAgo > SILENT_SECONDS)
    return unknown(
      `no projector has verified anything for ${spanText(aliveSecondsAgo)}: none runs, or VERIFY_ROWS_PER_SECOND is 0`,
    );
  if (failure !== null && failingSeconds !== null && failingSeconds > FAILING_SECONDS)
    return unknown(`it has failed for ${spanText(failingSeconds)}: ${failure}`);
  if (stillSeconds > STUCK_SECONDS) {
    const by = heldBecause === null ? '' : `, held back by ${heldBecause}`;
    const isHeld = heldBecause !== null && stillSeconds <= HELD_TOO_LONG_SECONDS;
    const why = `it has stood still for ${spanText(stillSeconds)}${by}`;
    return isHeld ? { state: 'unverified', why } : unknown(why);
  }
  if (lastPass?.release !== RELEASE || lastPass.ruleVersion !== RULE_VERSION)
    return {
      state: 'unverified',
      why: 'this release has not compared everything yet: its first pass is under way',
    };
  return { state: 'good', why: 'everything was compared, and nothing is wrong' };
}
