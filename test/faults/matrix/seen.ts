import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Seen } from '../../support/invariants/check.ts';
import type { Fault, Injection } from './fault.ts';

const report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          duration: z.number().nullish(),
          meta: z.object({ invariants: z.array(z.custom<Seen>()).optional() }).optional(),
        }),
      ),
    }),
  ),
});

/** A test as it ended. */
export interface EndedTest {
  /** Relative to `test`. */
  readonly file: string;
  readonly title: string;
  readonly passed: boolean;
  readonly seconds: number;
  readonly invariants: readonly Seen[];
}

/** Reads vitest's JSON report. `root` is the absolute path of `test`, with a slash at its end. */
export function endedTests(file: string, root: string): EndedTest[] {
  const { testResults } = report.parse(JSON.parse(readFileSync(file, 'utf8')));
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status, duration, meta }) => ({
      file: name.replace(root, ''),
      title: fullName,
      passed: status === 'passed',
      seconds: (duration ?? 0) / 1000,
      invariants: meta?.invariants ?? [],
    })),
  );
}

export type Verdict = 'survived' | 'partial' | 'FAILED' | 'NOT RUN';

/** What a run saw of one fault. A test that the matrix names and that did not run counts as a failure. */
export interface FaultSeen {
  readonly fault: Fault;
  readonly verdict: Verdict;
  readonly passed: number;
  readonly failed: readonly string[];
  readonly notRun: readonly string[];
  readonly seconds: number;
  readonly checks: readonly Seen[];
}

/** Pure: holds the matrix against the tests that ended. */
export function seenOf(fault: Fault, ended: readonly EndedTest[]): FaultSeen {
  const matching = (injection: Injection) => ended.filter((test) => isOf(injection, test));
  const tests = [...new Set(fault.tests.flatMap(matching))];
  const failed = tests.filter(({ passed }) => !passed).map(({ title }) => title);
  const notRun = fault.tests.filter((injection) => matching(injection).length === 0).map(({ test }) => test);
  const ran: Verdict = fault.lacks === undefined ? 'survived' : 'partial';
  const verdict = failed.length > 0 ? 'FAILED' : notRun.length > 0 || tests.length === 0 ? 'NOT RUN' : ran;
  return {
    ...{ fault, verdict, failed, notRun },
    passed: tests.length - failed.length,
    seconds: tests.reduce((sum, { seconds }) => sum + seconds, 0),
    checks: tests.flatMap(({ invariants }) => invariants),
  };
}

function isOf({ file, test }: Injection, ended: EndedTest): boolean {
  return ended.file === file && ended.title.includes(test);
}

/** One line per fault for the terminal. */
export function lineOf({ fault, verdict, passed, failed, notRun, seconds, checks }: FaultSeen): string {
  const sum = (of: (seen: Seen) => number) => String(checks.reduce((total, seen) => total + of(seen), 0));
  const looked =
    checks.length === 0
      ? `${fault.invariants.join(' ')} looked at by its own tests`
      : `I1-I18 hold after ${String(checks.length)} checks: ${sum(({ keys }) => keys)} keys, ${sum(({ beats }) => beats)} heartbeats`;
  const told = [
    `${fault.id}  ${verdict.padEnd(8)}  ${fault.fault}`,
    `     injected: ${fault.injected}`,
    `     seen:     ${String(passed)} tests passed in ${seconds.toFixed(1)} s; ${looked}`,
    ...failed.map((title) => `     FAILED:   ${title}`),
    ...notRun.map((title) => `     NOT RUN:  ${title}`),
    ...(fault.lacks === undefined ? [] : [`     lacks:    ${fault.lacks}`]),
  ];
  return told.join('\n');
}
