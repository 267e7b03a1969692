/**
 * All tests. They mostly wait, so the parts run beside each other: each is a vitest of its own, and the last line counts
 * all of them. With arguments it is vitest alone, with those arguments.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { totalmem } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { closingLine, type Count } from './support/closing-line.ts';

const VITEST = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));

interface Part {
  readonly name: string;
  readonly args: readonly string[];
}

// The demo is with those that need no stack because it has one of its own. A half has a Postgres of its own, too:
// some tests ask which transactions of the whole server are open.
const WITHOUT_STACK = ['--project', 'unit', '--project', 'pg', '--project', 'demo', '--maxWorkers', '1'];
const LANES: readonly (readonly Part[])[] = [
  [
    { name: 'stack', args: ['--project', 'stack'] },
    { name: 'faults', args: ['--project', 'faults'] },
  ],
  [
    { name: 'unit, pg and demo, first half', args: [...WITHOUT_STACK, '--shard', '1/2'] },
    { name: 'unit, pg and demo, second half', args: [...WITHOUT_STACK, '--shard', '2/2'] },
  ],
];
/**
 * With less memory than this, in bytes, the parts of a lane take turns. At most four stacks run at once: one in each
 * part on a stack, the demo's and the secure one. A stack takes 0.9 GB.
 */
const MEMORY_FOR_ALL = 7e9;

interface Ended extends Part {
  /** Undefined where it ended without one. */
  readonly count: Count | undefined;
  readonly code: number;
}

const asked = process.argv.slice(2);
process.exitCode = asked.length > 0 ? await vitest(asked) : await all();

async function all(): Promise<number> {
  const lanes = totalmem() < MEMORY_FOR_ALL ? LANES : LANES.flat().map((part) => [part]);
  const parts = (await Promise.all(lanes.map(inTurn))).flat();
  const sum: Count = { passed: 0, failed: 0, skipped: 0 };
  process.stdout.write('\n');
  for (const { name, count, code } of parts) {
    process.stdout.write(`${name}: ${count === undefined ? 'ended without a count' : closingLine(count)}\n`);
    sum.passed += count?.passed ?? 0;
    sum.skipped += count?.skipped ?? 0;
    sum.failed += count?.failed ?? 0;
    if (code !== 0 && (count?.failed ?? 0) === 0) sum.failed += 1;
  }
  process.stdout.write(`\n${closingLine(sum)}\n`);
  return sum.failed === 0 ? 0 : 1;
}

async function inTurn(lane: readonly Part[]): Promise<Ended[]> {
  const ended: Ended[] = [];
  for (const part of lane) ended.push(await run(part));
  return ended;
}

async function run(part: Part): Promise<Ended> {
  const child = fork(VITEST, ['run', ...part.args], {
    silent: true,
    env: { ...process.env, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }) },
  });
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGINT', pass).on('SIGTERM', pass);
  echo(child.stdout, process.stdout);
  echo(child.stderr, process.stderr);
  let count: Count | undefined;
  child.on('message', (message) => (count = message as Count));
  return { ...part, code: await exitCode(child), count };
}

async function vitest(args: readonly string[]): Promise<number> {
  return await exitCode(spawn(process.execPath, [VITEST, 'run', ...args], { stdio: 'inherit' }));
}

/** Line by line, because both parts write at once. */
function echo(from: Readable | null, to: NodeJS.WritableStream): void {
  if (from !== null) createInterface({ input: from }).on('line', (line) => to.write(`${line}\n`));
}

async function exitCode(child: ChildProcess): Promise<number> {
  return await new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => {
      resolve(code ?? 1);
    });
  });
}
