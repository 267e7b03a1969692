import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/** A run that takes longer hangs: the longest of the tests has two minutes, and most files take seconds. */
const LONGEST_RUN_MS = 300_000;
const LONGEST_FILE_MS = 20_000;

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});

export interface FailedTest {
  readonly name: string;
  readonly message: string;
}

export type RunOutcome =
  | { readonly kind: 'passed'; readonly tests: number }
  | { readonly kind: 'failed'; readonly tests: readonly FailedTest[] }
  /** No test had a say: nothing loaded, a hook failed, the run hung. */
  | { readonly kind: 'no_answer'; readonly why: string };

export interface RunOptions {
  readonly projects: readonly string[];
  /** Ends with the first test that fails. */
  readonly bail: boolean;
  readonly signal: AbortSignal;
}

/** Runs test files of the tree at `root`, which must all lie in these projects. */
export async function runTests(
  root: string,
  files: readonly string[],
  { projects, bail, signal }: RunOptions,
): Promise<RunOutcome> {
  const report = path.join(root, 'report.json');
  rmSync(report, { force: true });
  const args = [
    path.join(root, 'node_modules/vitest/vitest.mjs'),
    ...['run', ...files, ...projects.flatMap((project) => ['--project', project])],
    ...['--reporter', 'json', '--outputFile', report, ...(bail ? ['--bail', '1'] : [])],
  ];
  const timeout = LONGEST_RUN_MS + LONGEST_FILE_MS * files.length;
  const { code, output } = await ended(args, { cwd: root, signal, timeout });
  if (!existsSync(report)) return { kind: 'no_answer', why: `vitest reported nothing: ${lastLines(output)}` };
  return outcomeOf(reportSchema.parse(JSON.parse(readFileSync(report, 'utf8'))), { files, code, output });
}

function outcomeOf(
  { numPassedTests, numFailedTests, testResults }: z.output<typeof reportSchema>,
  { files, code, output }: { files: readonly string[]; code: number | null; output: string },
): RunOutcome {
  if (numFailedTests > 0) {
    const failed = testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === 'failed'),
    );
    return {
      kind: 'failed',
      tests: failed.map(({ fullName, failureMessages }) => ({
        name: fullName,
        message: (failureMessages ?? []).join('\n'),
      })),
    };
  }
  const unloaded = testResults.find(({ assertionResults }) => assertionResults.length === 0);
  if (unloaded !== undefined) return { kind: 'no_answer', why: `${unloaded.name}: ${unloaded.message}` };
  if (code !== 0)
    return { kind: 'no_answer', why: `exit code ${String(code)}, and no test failed: ${lastLines(output)}` };
  if (testResults.length !== files.length || numPassedTests === 0)
    return { kind: 'no_answer', why: `${String(testResults.length)} of ${String(files.length)} files ran` };
  return { kind: 'passed', tests: numPassedTests };
}

async function ended(
  args: readonly string[],
  { cwd, signal, timeout }: { cwd: string; signal: AbortSignal; timeout: number },
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, args, {
    cwd,
    signal,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, output });
    });
  });
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-8).join('\n');
}
