import type { Invariant } from '../../support/invariants/names.ts';

/** A test that injects a fault for real. */
export interface Injection {
  /** The test file that vitest runs, relative to `test`. */
  readonly file: string;
  /** A part of the test's title that stands in the source as it is. For a title with placeholders, what is before them. */
  readonly test: string;
  /** The module that defines the test, relative to `test`, where that is not the file itself. */
  readonly in?: string;
}

/** One of the 54 faults, and what shows that it is survived. */
export interface Fault {
  readonly id: string;
  readonly fault: string;
  /** How the tests bring it about. */
  readonly injected: string;
  /** What must be seen, and what the tests assert. */
  readonly mustBeSeen: string;
  /**
   * The invariants that the fault is about. A test on a stack ends with `expectInvariants`, which looks at all of them;
   * a test on Postgres alone looks at these.
   */
  readonly invariants: readonly Invariant[];
  readonly tests: readonly Injection[];
  /** What of the fault no test injects. A fault without this is covered whole. */
  readonly lacks?: string;
}

/** The tests of one file, by their titles. */
export function inFile(file: string, ...titles: readonly string[]): readonly Injection[] {
  return titles.map((test) => ({ file, test }));
}

/** Tests that a module of its own defines. */
export function defined(file: string, module: string, ...titles: readonly string[]): readonly Injection[] {
  return titles.map((test) => ({ file, test, in: module }));
}
