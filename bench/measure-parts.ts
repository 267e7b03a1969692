import { messageOf } from '../lib/errors.ts';
import { drawScreen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { contextOf, sharedThings } from './context.ts';
import { untilAborted, type BenchOptions, type Outcome, type Part } from './part.ts';
import { describeMachine } from './processes.ts';
import { PARTS, type PartName, type Results } from './results.ts';
import { sectionsOf } from './report/sections.ts';
import type { BenchStack } from './stack.ts';
import { versionsOf } from './versions.ts';

interface Bench {
  readonly stack: BenchStack;
  readonly names: readonly PartName[];
  readonly options: BenchOptions;
  /** The time limit of the whole bench. After it, no part begins, and a running part is given up. */
  readonly minutes: number;
  readonly stop: AbortSignal;
  readonly note: (line: string) => void;
  readonly print: (line: string) => void;
  /** Called after every part, so that finished results are saved. */
  record(results: Results): void;
}

/** Measures part after part, and prints what each has found. */
export async function measureParts(bench: Bench): Promise<Results> {
  const { stack, names, options, note, stop } = bench;
  const startedAt = new Date();
  const minutes = () => (Date.now() - startedAt.getTime()) / 60_000;
  const shared = sharedThings(stack, note, stop);
  let results: Results = {
    startedAt: startedAt.toISOString(),
    minutes: 0,
    machine: describeMachine(),
    versions: await versionsOf(stack),
    options,
    parts: {},
  };
  for (const name of names) {
    stop.throwIfAborted();
    const part: Part<unknown> = PARTS[name];
    const left = bench.minutes - minutes();
    const limit = Math.min(part.limitMinutes, left);
    note(`${part.title} (at most ${limit.toFixed(0)} min)`);
    const outcome = left < 0.5 ? leftOut(bench.minutes) : await measure(part, limit);
    results = { ...results, minutes: minutes(), parts: { ...results.parts, [name]: outcome } };
    bench.record(results);
    show(bench, results, name);
  }
  return results;

  async function measure(part: Part<unknown>, limitMinutes: number): Promise<Outcome<unknown>> {
    const start = performance.now();
    const seconds = () => Math.round((performance.now() - start) / 1000);
    const limit = new AbortController();
    const timer = setTimeout(() => {
      limit.abort(new Error(`it did not end within ${limitMinutes.toFixed(0)} minutes`));
    }, limitMinutes * 60_000);
    const signal = AbortSignal.any([stop, limit.signal]);
    try {
      const endsAtMs = Date.now() + limitMinutes * 60_000;
      const work = part.measure(contextOf(stack, shared, { options, note, signal, endsAtMs }));
      const figures = await untilAborted(signal, work);
      return { kind: 'measured', seconds: seconds(), figures };
    } catch (error) {
      // The error of an aborted call has no reason. The signal has it.
      return { kind: 'failed', seconds: seconds(), error: messageOf(signal.aborted ? signal.reason : error) };
    } finally {
      clearTimeout(timer);
    }
  }
}

function leftOut(minutes: number): Outcome<never> {
  return { kind: 'left_out', why: `the ${String(minutes)} minutes of the bench were over` };
}

function show({ note, print }: Bench, results: Results, name: PartName): void {
  const outcome = results.parts[name];
  if (outcome?.kind === 'failed') note(`  no figures after ${String(outcome.seconds)} s: ${outcome.error}`);
  if (outcome?.kind === 'left_out') note(`  left out: ${outcome.why}`);
  for (const { heading, text, table } of sectionsOf(results, name)) {
    print(`\n${heading}${text === '' ? '' : `. ${text}`}`);
    print(`${drawScreen([tableOf(table.head, table.rows)])}\n`);
  }
}
