import { Command, InvalidArgumentError } from 'commander';
import { PART_NAMES, PARTS, type PartName } from './results.ts';

export interface CommandLine {
  readonly rows: number;
  readonly manyRows: number;
  readonly runs: number;
  readonly minutes: number;
  readonly only?: readonly PartName[];
  readonly out?: string;
  readonly against?: string;
  readonly large?: true;
  readonly window?: true;
  readonly render?: true;
}

function positive(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

/** Prints the help, or one line that names what is wrong with an option, and ends the process. */
export function readOptions(argv: readonly string[]): CommandLine {
  const width = Math.max(...PART_NAMES.map((name) => name.length));
  const parts = PART_NAMES.map((name) => `  ${name.padEnd(width)}  ${PARTS[name].title}`).join('\n');
  return new Command('npm run bench --')
    .description(
      'Measures the projector beside its peers, on a local stack of its own. Without options it measures everything, and writes results.json, RESULTS.md and charts into bench/.',
    )
    .option(
      '--only <parts...>',
      'measure these parts only; prints the figures, and writes no file',
      partNames,
    )
    .option('--rows <n>', 'legacy rows of the repeated runs', positive, 200_000)
    .option('--many-rows <n>', 'legacy rows of the long run', positive, 1_000_000)
    .option('--runs <n>', 'how often each case is repeated', positive, 3)
    .option(
      '--minutes <n>',
      'time limit of all parts together; what has begun by then is given up',
      positive,
      24,
    )
    .option('--out <folder>', 'the folder to write to, also with --only')
    .option(
      '--against <checkout>',
      'the projectors of two checkouts take turns; ends with 1 if this one is slower',
    )
    .option('--large', 'with --against: rows as large as those of the demo')
    .option('--window', 'with --against: every row has a live twin')
    .option('--render', 'write page and charts anew from results.json; measures nothing')
    .addHelpText(
      'after',
      `\nParts:\n${parts}\n\nExample:\n  npm run bench -- --only latency,window --rows 50000 --runs 1`,
    )
    .allowExcessArguments(false)
    .parse([...argv])
    .opts<CommandLine>();
}

/** Several as `--only a,b`, `--only a b` or `--only a --only b`. */
function partNames(text: string, before: readonly PartName[] = []): PartName[] {
  const names = text.split(',').map((given) => {
    const name = PART_NAMES.find((known) => known === given.trim());
    if (name === undefined) throw new InvalidArgumentError(`The parts are ${PART_NAMES.join(', ')}.`);
    return name;
  });
  return [...new Set([...before, ...names])];
}
