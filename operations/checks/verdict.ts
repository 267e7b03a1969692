import type { Pasteable } from '../../lib/quoting.ts';

/**
 * What a check came to. `not_yet`: what it looks at is made by a later step of the deployment, so that nothing is wrong;
 * `unknown`: it could not be told.
 */
export type Judgement =
  | { readonly verdict: 'ok'; readonly evidence: string }
  | { readonly verdict: 'failed' | 'warning'; readonly evidence: string; readonly fix: string }
  | { readonly verdict: 'not_yet'; readonly evidence: string; readonly step: Step }
  | { readonly verdict: 'unknown'; readonly why: string };

export type Verdict = Judgement['verdict'];

/** The steps of a deployment, in their order. */
export const STEPS = {
  script: 'history-cdc connector sql | psql -1 -v ON_ERROR_STOP=1 "$OWNER_URL"',
  migrate: 'history-cdc migrate',
  apply: 'history-cdc connector apply',
  project: 'history-cdc project',
} as const;
export type Step = keyof typeof STEPS;

export function ok(evidence: string): Judgement {
  return { verdict: 'ok', evidence };
}

/** `fix`: SQL, a setting or a command, ready to paste. What has values in it is made by the tags of `quoting.ts`. */
export function failed<F extends string>(evidence: string, fix: F & Pasteable<F>): Judgement {
  return { verdict: 'failed', evidence, fix };
}

export function warning<F extends string>(evidence: string, fix: F & Pasteable<F>): Judgement {
  return { verdict: 'warning', evidence, fix };
}

export function notYet(evidence: string, step: Step): Judgement {
  return { verdict: 'not_yet', evidence, step };
}

export function unknown(why: string): Judgement {
  return { verdict: 'unknown', why };
}
