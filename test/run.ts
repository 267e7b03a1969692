/**
 * All tests. Those on the whole stack mostly wait for it, so the others run beside them: each part is a vitest of its
 * own, and the last line counts both. With arguments it is vitest alone, with those arguments.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { closingLine, type Count } from './support/closing-line.ts';

const VITEST = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));

interface Part {
  readonly name: string;
  readonly args: readonly string[];
}

// One worker beside the stack: that is the machine's other core. The demo is there because it has a stack of its own.
const PARTS: readonly Part[] = [
  { name: 'stack', args: ['--project', 'stack'] },
  {
    name: 'unit, pg and demo',
    args: ['--project', 'unit', '--project', 'pg', '--project', 'demo', '--maxWorkers', '1'],
  },
];

interface Ended extends Part {
  /** Undefined where it ended without one. */
  readonly count: Count | undefined;
  readonly code: number;
}

const asked = process.argv.slice(2);
process.exitCode = asked.length > 0 ? await vitest(asked) : await all();

async function all(): Promise<number> {
  const parts = await Promise.all(PARTS.map(run));
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
