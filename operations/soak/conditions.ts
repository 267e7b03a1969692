import type { Config } from '../../lib/config.ts';
import { CONDITION_IDS, type Condition, type ConditionId, type Judged } from './condition.ts';
import type { SoakFacts } from './facts.ts';
import { noReaders } from './no-readers.ts';
import { archive, parity, quarantine, readingCanonical, thirdPartyPlan } from './proofs.ts';
import { canonicalLive, OWNER_WRITES, quiet, UPDATES } from './quiet.ts';

const JUDGES: Readonly<Record<ConditionId, (facts: SoakFacts, config: Config) => Judged>> = {
  'canonical-live': canonicalLive,
  'reading-canonical': readingCanonical,
  parity,
  quarantine,
  'no-owner-writes': (facts, config) => quiet(OWNER_WRITES, facts, config),
  'no-updates': (facts, config) => quiet(UPDATES, facts, config),
  'no-readers': noReaders,
  'third-party-plan': thirdPartyPlan,
  archive,
};

/** Pure: the same facts give the same conditions. */
export function judgeConditions(facts: SoakFacts, config: Config): readonly Condition[] {
  return CONDITION_IDS.map((id) => ({ id, ...JUDGES[id](facts, config) }));
}
