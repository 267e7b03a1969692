import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** One safeguard taken out of the code, as an edit of one file, and the test file that has to notice. */
export interface Mutant {
  readonly id: string;
  /** What goes wrong without it. */
  readonly breaks: string;
  /** The file, relative to `consumers/agent-test-history`. */
  readonly at: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The test file, relative to `test`; its suffix says what it needs. */
  readonly by: string;
}

export interface Safeguard {
  readonly name: string;
  readonly mutants: readonly Mutant[];
}

/** Relative to the root of the checkout, as documents and people name it. */
export function fileOf({ at }: Mutant): string {
  return path.posix.join('consumers/agent-test-history', at);
}

export function testFileOf({ by }: Mutant): string {
  return path.posix.join('test', by);
}

/** A mutant whose text is not in the code as it is now: the list has to follow the code. */
export class DoesNotApply extends Error {
  override readonly name = 'DoesNotApply';
}

export function mutated(source: string, { id, at, find, replace }: Omit<Mutant, 'breaks' | 'by'>): string {
  const occurrences = source.split(find).length - 1;
  if (occurrences !== 1)
    throw new DoesNotApply(`${id}: its text stands ${String(occurrences)} times in ${at}, not once`);
  return source.replace(find, () => replace);
}

/** Applies the mutant to the tree at `root`; gives what takes it out again. */
export function applyTo(root: string, mutant: Mutant): () => void {
  const file = path.join(root, fileOf(mutant));
  const source = readFileSync(file, 'utf8');
  writeFileSync(file, mutated(source, mutant));
  return () => {
    writeFileSync(file, source);
  };
}
