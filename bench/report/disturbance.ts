import { PART_NAMES, figuresOf, type PartName, type Results } from '../results.ts';

/** Cores that others may use without being named: the system itself is never quite still. */
const QUIET = 0.15;

/** One line about other loads on the machine while runs were under way. */
export function disturbanceOf(results: Results): string {
  const loads = PART_NAMES.flatMap((name) => loadsOf(results, name));
  const disturbed = loads.filter((load) => load > QUIET);
  const most = `the most was ${Math.max(0, ...loads).toFixed(2)} cores`;
  if (disturbed.length === 0)
    return `Undisturbed: in none of ${String(loads.length)} runs did another process use more than ${String(QUIET)} of a core (${most}).`;
  return `**Disturbed:** in ${String(disturbed.length)} of ${String(loads.length)} runs other processes used more than ${String(QUIET)} of a core; ${most}.`;
}

function loadsOf(results: Results, name: PartName): number[] {
  const loads: number[] = [];
  // Wherever a measurement stands among the figures.
  JSON.stringify(figuresOf(results, name), (key, value: unknown) => {
    if (key === 'foreignCores' && typeof value === 'number') loads.push(value);
    return value;
  });
  return loads;
}
