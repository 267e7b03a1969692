import type { Config } from '../../lib/config.ts';
import { AREAS, type AreaName, type Facts } from '../facts/areas.ts';
import type { Check, Circumstances } from '../checks/check.ts';
import { gatherFacts } from '../facts/gather.ts';
import { STEPS, type Judgement, type Step, type Verdict } from '../checks/verdict.ts';

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

export interface DoctorReport {
  /** Whether the connector was deployed before, by its traces. */
  readonly deployed: boolean;
  readonly checks: readonly CheckResult[];
  readonly counts: Readonly<Record<Verdict, number>>;
  /** False where an error was found, or could not be ruled out. */
  readonly mayGoOn: boolean;
  /** The one thing to do first; null where there is nothing. */
  readonly first: { readonly id: string; readonly fix: string } | null;
}

/** The settings without which these checks cannot ask anything. */
export function settingsOf(checks: readonly Check[]): (keyof Config)[] {
  return [...new Set([...areasOf(checks)].flatMap((area) => AREAS[area].needs))];
}

export async function examine(config: Config, checks: readonly Check[]): Promise<DoctorReport> {
  const askable = TRACES.filter((area) => AREAS[area].needs.every((name) => config[name] !== undefined));
  const facts = await gatherFacts(config, new Set([...areasOf(checks), ...askable]));
  return judge(facts, config, checks);
}

function areasOf(checks: readonly Check[]): Set<AreaName> {
  return new Set(checks.flatMap(({ needs }) => needs));
}

/** Where a connector leaves traces: asked whichever checks are run, as far as the settings allow. */
const TRACES = ['source', 'connector', 'dataTopic', 'projection'] as const;

/** Pure: the same facts give the same report. */
export function judge(facts: Facts, config: Config, checks: readonly Check[]): DoctorReport {
  const { proof, projection } = facts;
  const snapshotRunning = proof.known && proof.value?.snapshot === 'running';
  const projected = projection.known && projection.value.topics.length > 0;
  const circumstances: Circumstances = { config, deployed: wasDeployed(facts), projected, snapshotRunning };
  const results = checks.map((check) => resultOf(check, check.run(facts, circumstances)));
  const count = (verdict: Verdict) => results.filter((result) => result.verdict === verdict).length;
  return {
    deployed: circumstances.deployed,
    checks: results,
    counts: {
      ok: count('ok'),
      failed: count('failed'),
      warning: count('warning'),
      not_yet: count('not_yet'),
      unknown: count('unknown'),
    },
    mayGoOn: !results.some(stops),
    first: firstThing(results),
  };
}

/** A connector leaves its slot, what Connect knows of it, records in its topic, and the topic in the ledger. */
function wasDeployed({
  source,
  connector,
  dataTopic,
  projection,
}: Pick<Facts, (typeof TRACES)[number]>): boolean {
  if (connector.known && connector.value.config !== undefined) return true;
  if (source.known && source.value.slot !== null) return true;
  if (projection.known && projection.value.topics.length > 0) return true;
  const marks = dataTopic.known ? [...(dataTopic.value?.marks.values() ?? [])] : [];
  return marks.some(({ high }) => high > 0n);
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

function stops({ verdict, severity }: CheckResult): boolean {
  return verdict === 'failed' || (verdict === 'unknown' && severity === 'error');
}

/** What stops comes before the next step of the deployment, and that before what only warns. */
function firstThing(results: readonly CheckResult[]): DoctorReport['first'] {
  const steps = Object.keys(STEPS) as Step[];
  const byStep = steps.flatMap((step) => results.filter((result) => result.step === step));
  const first =
    results.find(({ verdict }) => verdict === 'failed') ??
    results.find(stops) ??
    byStep[0] ??
    results.find(({ verdict }) => verdict === 'warning');
  return first === undefined ? null : { id: first.id, fix: first.fix ?? `find out: ${first.evidence}` };
}
