import { CHECKS } from '../../operations/checks/all.ts';
import type { CheckResult } from '../../operations/checks/judge.ts';
import { examine } from '../../operations/doctor/doctor.ts';
import { loadConfig } from '../../lib/config.ts';
import type { Settings } from './carry-out.ts';

/** What these checks say, in the order of the list: nothing else is asked. */
export async function resultsOf(ids: readonly string[], settings: Settings): Promise<readonly CheckResult[]> {
  const unknown = ids.filter((id) => !CHECKS.some((check) => check.id === id));
  if (unknown.length > 0) throw new Error(`there is no check ${unknown.join(', ')}`);
  const checks = CHECKS.filter(({ id }) => ids.includes(id));
  return (await examine(loadConfig(settings, undefined), checks)).checks;
}

export async function resultOf(id: string, settings: Settings): Promise<CheckResult> {
  const [result] = await resultsOf([id], settings);
  if (result === undefined) throw new Error(`there is no answer of ${id}`);
  return result;
}
