import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** One safeguard taken out of the code, as an edit of one file, and the test file that has to notice. */
export interface Mutant {
  readonly id: string;
  /** What goes wrong without it. */
  readonly breaks: string;
  /** The file, relative to `consumers/agent-test-history`. */
  readonly at: string;
  /** Stands in the file exactly once, however the lines are wrapped. */
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
  const pattern = patternOf(find);
  const occurrences = [...source.matchAll(pattern)].length;
  if (occurrences !== 1)
    throw new DoesNotApply(`${id}: its text stands ${String(occurrences)} times in ${at}, not once`);
  return source.replace(pattern, () => replace);
}

/** The text with any white space between its words, and with the comma that the formatter puts at the end of a list. */
function patternOf(text: string): RegExp {
  const parts = (text.match(/\w+|[^\w\s]/g) ?? []).map((part) => {
    const literal = /\w/.test(part) ? part : `\\${part}`;
    return /[)\]}]/.test(part) ? `,?\\s*${literal}` : literal;
  });
  return new RegExp(parts.join('\\s*'), 'g');
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
