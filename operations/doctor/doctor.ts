import type { Config } from '../../lib/config.ts';
import type { Check } from '../checks/check.ts';
import { circumstancesOf, judge, wantedFor, type CheckResult } from '../checks/judge.ts';
import { STEPS, type Step, type Verdict } from '../checks/verdict.ts';
import type { Answers } from '../facts/facts.ts';
import { gather } from '../facts/gather.ts';
import { withServices, type Services } from '../facts/services.ts';

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

export async function examine(config: Config, checks: readonly Check[]): Promise<DoctorReport> {
  return await withServices(config, { name: 'history-cdc doctor' }, (services) =>
    examineWith(services, config, checks),
  );
}

export async function examineWith(
  services: Services,
  config: Config,
  checks: readonly Check[],
): Promise<DoctorReport> {
  return diagnose(await gather({ services, config }, wantedFor(checks, config)), config, checks);
}

/** Pure: the same facts give the same report. */
export function diagnose(answers: Answers, config: Config, checks: readonly Check[]): DoctorReport {
  const circumstances = circumstancesOf(answers, config);
  const results = judge(checks, answers, circumstances);
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
