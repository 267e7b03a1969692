import type { Config } from '../../lib/config.ts';
import { valueOf } from '../facts/answer.ts';
import { FACTS, type Answers, type FactName } from '../facts/facts.ts';
import type { Check, Circumstances } from './check.ts';
import { factsOf } from './choice.ts';
import { STREAM_RESTS_ON, streamOf } from './continuity.ts';
import { STEPS, type Judgement, type Step, type Verdict } from './verdict.ts';

export interface CheckResult {
  readonly id: string;
  readonly group: Check['group'];
  readonly severity: Check['severity'];
  readonly title: string;
  readonly verdict: Verdict;
  /** What was found; of `unknown`, why it could not be told. */
  readonly evidence: string;
  /** SQL, a setting or a command, ready to paste; null where there is nothing to do. */
  readonly fix: string | null;
  /** The step of the deployment that makes what is not there yet. */
  readonly step: Step | null;
}

/** Where a connector leaves traces, and what the stream rests on: every judgement leans on it. */
const EVERYBODY: readonly FactName[] = ['connector', 'projection', 'continuity', ...STREAM_RESTS_ON];

/** What is asked for these checks, as far as the settings allow what all lean on. */
export function wantedFor(checks: readonly Check[], config: Config): Set<FactName> {
  const askable = EVERYBODY.filter((fact) => FACTS[fact].needs.every((name) => config[name] !== undefined));
  return new Set([...factsOf(checks), ...askable]);
}

export function circumstancesOf(answers: Answers, config: Config, now = new Date()): Circumstances {
  return {
    config,
    now,
    deployed: wasDeployed(answers),
    projected: (valueOf(answers.projection)?.topics.length ?? 0) > 0,
    snapshotRunning: valueOf(answers.observed)?.history.initial === 'running',
    stream: streamOf(answers),
  };
}

/** A connector leaves its slot, what Connect knows of it, records in its topic, and the topic in the ledger. */
function wasDeployed({ slot, connector, dataTopic, projection }: Answers): boolean {
  if (valueOf(connector)?.config !== undefined) return true;
  if (slot.known && slot.value !== null) return true;
  if ((valueOf(projection)?.topics.length ?? 0) > 0) return true;
  return [...(valueOf(dataTopic)?.marks.values() ?? [])].some(({ high }) => high > 0n);
}

/** Pure: the same facts give the same results. */
export function judge(
  checks: readonly Check[],
  answers: Answers,
  circumstances: Circumstances,
): readonly CheckResult[] {
  return checks.map((check) => resultOf(check, check.run(answers, circumstances)));
}

function resultOf({ id, group, severity, title }: Check, judgement: Judgement): CheckResult {
  const base = { id, group, severity, title, verdict: judgement.verdict, step: null };
  switch (judgement.verdict) {
    case 'ok':
      return { ...base, evidence: judgement.evidence, fix: null };
    case 'failed':
    case 'warning':
      return { ...base, evidence: judgement.evidence, fix: judgement.fix };
    case 'not_yet':
      return { ...base, evidence: judgement.evidence, fix: STEPS[judgement.step], step: judgement.step };
    case 'unknown':
      return { ...base, evidence: judgement.why, fix: null };
  }
}
