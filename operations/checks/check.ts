import type { Config } from '../../lib/config.ts';
import type { Break } from '../continuity/judge.ts';
import type { Gap } from '../continuity/gaps.ts';
import type { Answers, FactName, FactValues } from '../facts/facts.ts';
import { notYet, unknown, type Judgement, type Step } from './verdict.ts';

export const GROUPS = {
  server: "the legacy database's server",
  source: "the connector's objects in the legacy database",
  slot: 'the replication slot',
  kafka: 'Kafka',
  connect: 'Kafka Connect',
  stream: 'the stream, end to end',
  registry: 'the schema registry',
  canonical: 'the canonical database',
  ledger: 'what is projected and proven',
  clock: 'the clocks',
  end: 'what is left after the drop',
} as const;
export type Group = keyof typeof GROUPS;

export interface Stream {
  /** Of the topic that the ledger belongs to. */
  readonly topicId: string | undefined;
  readonly breaks: readonly Break[];
  /** Open ones, of earlier topics too. */
  readonly gaps: readonly Gap[];
}

/** What every check may lean on besides its own facts. */
export interface Circumstances {
  readonly config: Config;
  readonly now: Date;
  /** The connector was deployed before: what it needs and is missing now has been lost, and is not merely "not yet". */
  readonly deployed: boolean;
  /** The ledger knows a topic. */
  readonly projected: boolean;
  /** The initial snapshot is under way, as far as it was asked: no heartbeat is written during it. */
  readonly snapshotRunning: boolean;
  /** What is broken by now, and the gaps that are open for it. */
  readonly stream: Stream;
}

type Judge<F extends FactName> = (
  values: Pick<FactValues, F>,
  circumstances: Circumstances,
  answers: Answers,
) => Judgement;

/** The fact that says whether the application's tables are there. */
type Ground = 'legacyTable' | 'canonical';

interface More {
  /** Nothing is judged while the application's tables that this fact describes are not there. */
  readonly on?: Ground;
  /** Facts that it looks at among `answers`, and can judge without. */
  readonly also?: readonly FactName[];
  /** Settings that it needs besides those of its facts. */
  readonly settings?: readonly (keyof Config)[];
  /** The verdict where a needed fact is not known; without it, the check cannot tell. */
  readonly unreached?: (why: string, circumstances: Circumstances) => Judgement;
}

export interface Check {
  readonly id: string;
  readonly group: Group;
  /** An error that is found, or cannot be ruled out, ends with exit code 1; a warning does not. */
  readonly severity: 'error' | 'warning';
  /** What is looked at, as a statement that holds where all is well. */
  readonly title: string;
  /** Facts that it asks for. */
  readonly facts: readonly FactName[];
  readonly settings: readonly (keyof Config)[];
  readonly run: (answers: Answers, circumstances: Circumstances) => Judgement;
}

type Body = Omit<Check, 'id' | 'group'>;

function body<F extends FactName>(
  severity: Check['severity'],
  [title, needs, judge]: readonly [string, readonly F[], Judge<F>],
  { on, also = [], settings = [], unreached = unknown }: More,
): Body {
  const run: Check['run'] = (answers, circumstances) => {
    const absent = on === undefined ? undefined : absentTables(answers, on);
    if (absent !== undefined) return unknown(absent);
    const values: Partial<Pick<FactValues, F>> = {};
    for (const name of needs) {
      const answer = answers[name];
      if (!answer.known) return unreached(answer.why, circumstances);
      values[name] = answer.value;
    }
    return judge(values as Pick<FactValues, F>, circumstances, answers);
  };
  const facts = [...new Set<FactName>([...needs, ...also, ...(on === undefined ? [] : [on])])];
  return { severity, title, facts, settings, run };
}

/** Why nothing can be said of the application's tables; undefined where they are there, or nobody could ask. */
export function absentTables({ legacyTable, canonical }: Answers, on: Ground): string | undefined {
  if (on === 'legacyTable')
    return legacyTable.known && !legacyTable.value.there
      ? 'the table is not there (see legacy-table)'
      : undefined;
  const tables = canonical.known ? canonical.value.missing.filter((each) => each.startsWith('table ')) : [];
  return tables.length === 0
    ? undefined
    : `${String(tables.length)} of the tables are not there (see canonical-tables)`;
}

/** A check judges only where all that it needs is known, and says why where something is not. */
export function error<F extends FactName>(
  ...[title, needs, judge, more = {}]: [string, readonly F[], Judge<F>, More?]
): Body {
  return body('error', [title, needs, judge], more);
}

/** A check that never says worse than `warning`. */
export function advice<F extends FactName>(
  ...[title, needs, judge, more = {}]: [string, readonly F[], Judge<F>, More?]
): Body {
  return body('warning', [title, needs, judge], more);
}

export function checksOf(group: Group, bodies: Readonly<Record<string, Body>>): readonly Check[] {
  return Object.entries(bodies).map(([id, rest]) => ({ id, group, ...rest }));
}

/** Nothing can be said of what is not there: before a deployment there is nothing to say yet. `evidence` names what is not. */
export function nothingThere(evidence: string, step: Step, { deployed }: Circumstances): Judgement {
  return deployed ? unknown(evidence) : notYet(evidence, step);
}
