import type { Config } from '../../lib/config.ts';
import { CONDITION_IDS, unknown, type Condition, type ConditionId, type Judged } from './condition.ts';
import type { SoakFacts } from './facts.ts';

const notBuilt = (): Judged =>
  unknown('this condition is not looked at yet', {
    missing: 'this release does not look at it yet',
    fix: null,
  });

const JUDGES: Readonly<Record<ConditionId, (facts: SoakFacts, config: Config) => Judged>> = {
  'canonical-live': notBuilt,
  'reading-canonical': notBuilt,
  parity: notBuilt,
  quarantine: notBuilt,
  'no-owner-writes': notBuilt,
  'no-updates': notBuilt,
  'no-readers': notBuilt,
  'third-party-plan': notBuilt,
  archive: notBuilt,
};

/** Pure: the same facts give the same conditions. */
export function judgeConditions(facts: SoakFacts, config: Config): readonly Condition[] {
  return CONDITION_IDS.map((id) => ({ id, ...JUDGES[id](facts, config) }));
}
