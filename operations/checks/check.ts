import type { Config } from '../../lib/config.ts';
import type { AreaFacts, AreaName, Facts } from '../facts/areas.ts';
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
  clock: 'the clocks',
} as const;
export type Group = keyof typeof GROUPS;

/** What a check may lean on besides the facts of its areas. */
export interface Circumstances {
  readonly config: Config;
  /** The connector was deployed before: what it needs and is missing now has been lost, and is not merely "not yet". */
  readonly deployed: boolean;
  /** The ledger knows a topic. */
  readonly projected: boolean;
  /** The initial snapshot is under way, as far as it was asked: no heartbeat is written during it. */
  readonly snapshotRunning: boolean;
}

interface CheckSpec<A extends AreaName> {
  readonly id: string;
  readonly group: Group;
  /** Of the worst that the check can say: an error ends with exit code 1, a warning does not. */
  readonly severity: 'error' | 'warning';
  /** What is looked at, as a statement that holds where all is well. */
  readonly title: string;
  readonly needs: readonly A[];
  readonly judge: (facts: Pick<AreaFacts, A>, circumstances: Circumstances) => Judgement;
  /** The verdict where an area is not known; without it, the check cannot tell. */
  readonly unreached?: (why: string, circumstances: Circumstances) => Judgement;
}

export interface Check {
  readonly id: string;
  readonly group: Group;
  readonly severity: 'error' | 'warning';
  readonly title: string;
  readonly needs: readonly AreaName[];
  readonly run: (facts: Facts, circumstances: Circumstances) => Judgement;
}

/** A check as the runner wants it: it judges only what is known, and says why where something is not. */
export function check<A extends AreaName>(spec: CheckSpec<A>): Check {
  const { id, group, severity, title, needs } = spec;
  return {
    ...{ id, group, severity, title, needs },
    run: (facts, circumstances) => {
      const known = knownOf(facts, needs);
      if ('why' in known) return (spec.unreached ?? unknown)(known.why, circumstances);
      return spec.judge(known.facts, circumstances);
    },
  };
}

function knownOf<A extends AreaName>(
  facts: Facts,
  needs: readonly A[],
): { readonly facts: Pick<AreaFacts, A> } | { readonly why: string } {
  const values: Partial<Pick<AreaFacts, A>> = {};
  for (const name of needs) {
    const answer = facts[name];
    if (!answer.known) return { why: answer.why };
    values[name] = answer.value;
  }
  return { facts: values as Pick<AreaFacts, A> };
}

/** Nothing can be said of what is not there: before a deployment there is nothing to say yet. `evidence` names what is not. */
export function nothingThere(evidence: string, step: Step, { deployed }: Circumstances): Judgement {
  return deployed ? unknown(evidence) : notYet(evidence, step);
}
