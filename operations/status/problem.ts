import type { Section } from './watched.ts';

/**
 * `wrong`: rows are lost or late, not right, or wait for a person. `unknown`: that cannot be ruled out, because something
 * gives no answer. `not_yet`: a later step of the deployment brings it. `attention`: nothing is lost, and somebody should
 * look. In this order one of them is told first.
 */
export const SEVERITIES = ['wrong', 'unknown', 'not_yet', 'attention'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Problem {
  /** Of the check of `doctor`, or of a judgement below. */
  readonly id: string;
  readonly section: Section;
  readonly severity: Severity;
  readonly evidence: string;
  /** What to do: a command, SQL, or where it is described. */
  readonly fix: string;
}

/** A part of the screen that gives no answer. */
export function notTold(section: Section, why: string): Problem {
  const fix = section === 'snapshot' ? 'history-cdc snapshot status' : 'history-cdc doctor';
  return { id: `${section}-known`, section, severity: 'unknown', evidence: `not known: ${why}`, fix };
}
