/**
 * Takes one safeguard at a time out of the code and demands that a test notices: a suite that stays green without the
 * lock, the fence or the ownership check would say nothing with it either.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { messageOf } from '../../lib/errors.ts';
import { drawScreen } from '../../lib/screen.ts';
import { stopOnSignal } from '../../lib/stop-signal.ts';
import { tableOf } from '../../lib/table.ts';
import { removeAbandonedStacks, startStack } from '../../stack/stack.ts';
import { SERVER_NAMES } from '../../stack/state.ts';
import { safeguardsPage } from './document.ts';
import { applyTo, testFileOf, type Mutant } from './mutant.ts';
import { MUTANTS, SAFEGUARDS } from './mutants.ts';
import { verdictOn, type Verdict } from './verdict.ts';
import { runTests } from './vitest-run.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = path.join(CHECKOUT, 'docs/safeguards.md');

interface Judged {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  readonly seconds: number;
}

/** Ends what is in hand, and takes everything away again. */
const signal = stopOnSignal();

const say = (line: string) => void process.stdout.write(`${line}\n`);

function projectOf(file: string): string {
  return /\.(pg|stack)\.test\.ts$/.exec(file)?.[1] ?? 'unit';
}

/** Without this, a mutant that fails for another reason would be taken for one that was caught. */
async function demandGreen(workshop: Workshop, mutants: readonly Mutant[]): Promise<void> {
  const files = [...new Set(mutants.map(testFileOf))];
  const projects = [...new Set(files.map(projectOf))];
  const begun = performance.now();
  const outcome = await runTests(workshop.root, files, { projects, bail: false, signal });
  if (outcome.kind === 'passed') {
    say(
      `with every safeguard in place, ${String(outcome.tests)} tests of ${String(files.length)} files pass (${secondsSince(begun).toFixed(0)} s)`,
    );
    return;
  }
  const why =
    outcome.kind === 'failed'
      ? outcome.tests.map(({ name, message }) => `${name}\n${message}`).join('\n')
      : outcome.why;
  throw new Error(`the tests fail though no safeguard is missing, so they prove nothing:\n${why}`);
}

async function judge(workshop: Workshop, mutant: Mutant): Promise<Judged> {
  const begun = performance.now();
  const restore = applyTo(workshop.root, mutant);
  try {
    const file = testFileOf(mutant);
    const outcome = await runTests(workshop.root, [file], {
      projects: [projectOf(file)],
      bail: true,
      signal,
    });
    return { mutant, verdict: verdictOn(outcome), seconds: secondsSince(begun) };
  } finally {
    restore();
  }
}

/** Each workshop takes the next mutant when it is done with the last. */
async function judgeAll(workshops: readonly Workshop[], mutants: readonly Mutant[]): Promise<Judged[]> {
  const waiting = [...mutants];
  const judged: Judged[] = [];
  await Promise.all(
    workshops.map(async (workshop) => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const one = await judge(workshop, next);
        say(lineOf(one));
        judged.push(one);
      }
    }),
  );
  return judged;
}

function lineOf({ mutant, verdict, seconds }: Judged): string {
  const took = `${seconds.toFixed(1)} s`;
  switch (verdict.kind) {
    case 'caught':
      return `caught    ${mutant.id} by ${mutant.by}: ${verdict.test} (${took})\n          ${verdict.error}`;
    case 'survived':
      return `SURVIVED  ${mutant.id}: ${mutant.by} is green without it (${took})`;
    case 'broken':
      return `BROKEN    ${mutant.id}: ${verdict.why} (${took})`;
  }
}

async function run(mutants: readonly Mutant[]): Promise<Judged[]> {
  const needsStack = mutants.some(({ by }) => projectOf(by) === 'stack');
  const environment = process.env;
  const onProgress = (line: string) => void process.stderr.write(`${line}\n`);
  await removeAbandonedStacks({ environment, onProgress });
  const stack = await startStack({
    environment,
    onProgress,
    name: `mutants-${String(process.pid)}`,
    components: needsStack ? SERVER_NAMES : ['postgres'],
    unsafeFast: true,
    owned: true,
  });
  const lanes = Math.min(availableParallelism(), mutants.length);
  const workshops = Array.from({ length: lanes }, () => openWorkshop(CHECKOUT, stack));
  try {
    const [first] = workshops;
    if (first === undefined) throw new Error('there is no mutant to try');
    await demandGreen(first, mutants);
    return await judgeAll(workshops, mutants);
  } finally {
    for (const workshop of workshops) workshop.remove();
    await stack.stop({ purge: true });
  }
}

function table(judged: readonly Judged[]): string {
  const rows = SAFEGUARDS.flatMap(({ name, mutants }) =>
    mutants.flatMap((mutant) => {
      const one = judged.find((candidate) => candidate.mutant === mutant);
      return one === undefined ? [] : [[name, mutant.id, one.verdict.kind, one.seconds.toFixed(1)]];
    }),
  );
  return drawScreen([tableOf(['safeguard', 'taken out', 'verdict', 'seconds'], rows)]);
}

function writePage(judged: readonly Judged[]): void {
  const tests = new Map(
    judged.map(({ mutant, verdict }) => [mutant.id, verdict.kind === 'caught' ? verdict.test : '']),
  );
  writeFileSync(
    PAGE,
    safeguardsPage(SAFEGUARDS, ({ id }) => tests.get(id) ?? ''),
  );
  say(`wrote ${path.relative(CHECKOUT, PAGE)}`);
}

function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000;
}

const USAGE = `usage: npm run test:mutants -- [--list] [--only <id> …] [--write-docs]
  --list         the mutants and the test file that has to catch each
  --only         these mutants; may be given several times
  --write-docs   writes docs/safeguards.md, when all were caught`;

function misuse(message: string): never {
  process.stderr.write(`${message}\n${USAGE}\n`);
  process.exit(2);
}

function selected(ids: readonly string[]): readonly Mutant[] {
  const unknown = ids.filter((id) => !MUTANTS.some((mutant) => mutant.id === id));
  if (unknown.length > 0) misuse(`no such mutant: ${unknown.join(', ')}`);
  return ids.length === 0 ? MUTANTS : MUTANTS.filter(({ id }) => ids.includes(id));
}

interface Arguments {
  readonly only: readonly string[];
  readonly list: boolean;
  readonly writeDocs: boolean;
}

function argumentsOf(argv: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      only: { type: 'string', multiple: true },
      list: { type: 'boolean', default: false },
      'write-docs': { type: 'boolean', default: false },
    },
  });
  if (positionals.length > 0 && values.only === undefined) misuse(`unexpected: ${positionals.join(' ')}`);
  // `--only a b c`: what follows the first is positional.
  const only = [...(values.only ?? []), ...positionals];
  if (values['write-docs'] && only.length > 0) misuse('the page is written from a whole run');
  return { only, list: values.list, writeDocs: values['write-docs'] };
}

async function main(argv: readonly string[]): Promise<void> {
  const { only, list, writeDocs } = argumentsOf(argv);
  const mutants = selected(only);
  if (list) {
    for (const { id, by } of mutants) say(`${id}  ${by}`);
    return;
  }
  const begun = performance.now();
  const judged = await run(mutants);
  const missed = judged.filter(({ verdict }) => verdict.kind !== 'caught');
  say(table(judged));
  say(
    `${String(judged.length - missed.length)} of ${String(judged.length)} caught in ${(secondsSince(begun) / 60).toFixed(1)} min`,
  );
  for (const one of missed) say(lineOf(one));
  if (missed.length > 0) process.exitCode = 1;
  else if (writeDocs) writePage(judged);
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 2;
});
