import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { FEWEST_ROWS } from '../../demo/generate.ts';
import type { DemoFacts } from '../../demo/report.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/history-cdc.mjs', import.meta.url));

/** The whole job as a newcomer runs it, on a stack of its own. Where a check fails, the demo's answer says which. */
test('the demo adds up', { timeout: 480_000 }, async () => {
  const args = [
    PROGRAM,
    'demo',
    '--json',
    '--rows',
    String(FEWEST_ROWS),
    '--stack',
    `demo-test-${String(process.pid)}`,
  ];
  const run = promisify(execFile)(process.execPath, args, { maxBuffer: 16 * 2 ** 20 });
  const failure: unknown = await run.then(() => undefined).catch((error: unknown) => error);
  const { stdout } = await run.catch((error: unknown) => {
    const answer = (error as { readonly stdout?: string }).stdout ?? '';
    if (answer === '') throw error;
    return { stdout: answer };
  });
  const facts = JSON.parse(stdout) as DemoFacts;

  expect(facts.checks.filter(({ passed }) => !passed)).toEqual([]);
  expect(failure).toBeUndefined();
  expect(facts.checks.length).toBe(49);
  expect(facts.rowsWritten).toBeGreaterThan(FEWEST_ROWS + 1_500);
  expect(facts.writer.meanwhile.runs).toBeGreaterThan(50);
  expect(facts.window.figures.late.found).toBeGreaterThan(10);
  expect(facts.latency.rows).toBeGreaterThan(1_300);
});
