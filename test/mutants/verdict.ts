import type { RunOutcome } from './vitest-run.ts';

/** What a run without the safeguard says of it. */
export type Verdict =
  | { readonly kind: 'caught'; readonly test: string; readonly error: string }
  /** Nothing noticed that the safeguard was gone. */
  | { readonly kind: 'survived' }
  /** What failed was not the missing safeguard: the mutant is no working program. */
  | { readonly kind: 'broken'; readonly why: string };

/**
 * Faults of an edit, not of behaviour: code that does not parse, or names what is not there. A test that hangs until its
 * time is over has not said what it missed, either.
 */
const NOT_AN_ANSWER =
  /SyntaxError|ReferenceError|TypeError|Test timed out|STACK_TRACE_ERROR|Transform failed|syntax error at or near|does not exist|could not determine data type|is ambiguous|bind message supplies/;

export function verdictOn(outcome: RunOutcome): Verdict {
  switch (outcome.kind) {
    case 'passed':
      return { kind: 'survived' };
    case 'no_answer':
      return { kind: 'broken', why: outcome.why };
    case 'failed': {
      const [first] = outcome.tests;
      const { name = '', message = '' } = first ?? {};
      const [error = ''] = message.split('\n');
      if (NOT_AN_ANSWER.test(message)) return { kind: 'broken', why: `${name}: ${error}` };
      return { kind: 'caught', test: name, error };
    }
  }
}
