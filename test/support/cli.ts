import { spawn } from 'node:child_process';
import path from 'node:path';
import { expectJsonAnswer } from './json-answer.ts';

const COMMAND = path.join(import.meta.dirname, '..', '..', 'bin', 'history-cdc.mjs');

export interface CliAnswer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `history-cdc` as a user does, with these variables over the test's own; never throws for an exit code. */
export async function runCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CliAnswer> {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  expectJsonAnswer(args, { code: status, stdout, stderr });
  return { status, stdout, stderr };
}
