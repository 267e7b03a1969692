/**
 * `npm run test:faults`: runs every test that the matrix of faults names, project by project, and prints for each fault
 * how it was injected and what was seen. Ends with 1 unless each named test ran and passed. Arguments are faults
 * (`F20 F21`): only their tests run, and only they are printed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Fault } from './matrix/fault.ts';
import { FAULTS } from './matrix/matrix.ts';
import { endedTests, lineOf, seenOf, type EndedTest } from './matrix/seen.ts';

const CHECKOUT = path.resolve(import.meta.dirname, '..', '..');
const TESTS = `${path.join(CHECKOUT, 'test')}/`;
const VITEST = path.join(CHECKOUT, 'node_modules/vitest/vitest.mjs');
/** In this order, one after the other, because each has servers of its own. */
const PROJECTS = ['unit', 'pg', 'stack', 'faults', 'slow-faults'] as const;

const asked = new Set(process.argv.slice(2));
const unknown = [...asked].filter((id) => FAULTS.every((fault) => fault.id !== id));
if (unknown.length > 0) {
  process.stderr.write(`there is no fault ${unknown.join(', ')}: they are F01 to F54\n`);
  process.exit(2);
}
process.exitCode = await run(FAULTS.filter(({ id }) => asked.size === 0 || asked.has(id)));

async function run(faults: readonly Fault[]): Promise<number> {
  const files = new Set(faults.flatMap(({ tests }) => tests.map(({ file }) => file)));
  const folder = mkdtempSync(path.join(tmpdir(), 'faults-'));
  const ended: EndedTest[] = [];
  for (const project of PROJECTS) {
    const ofProject = [...files].filter((file) => projectOf(file) === project);
    if (ofProject.length === 0) continue;
    const report = path.join(folder, `${project}.json`);
    await vitest(project, ofProject, report);
    if (existsSync(report)) ended.push(...endedTests(report, TESTS));
  }
  const seen = faults.map((fault) => seenOf(fault, ended));
  process.stdout.write(`\n${seen.map(lineOf).join('\n\n')}\n\n`);
  const count = (verdict: string) => seen.filter((one) => one.verdict === verdict).length;
  const bad = count('FAILED') + count('NOT RUN');
  process.stdout.write(
    `${String(seen.length)} faults: ${String(count('survived'))} survived, ${String(count('partial'))} in part, ` +
      `${String(count('FAILED'))} failed, ${String(count('NOT RUN'))} not run\n`,
  );
  return bad === 0 ? 0 : 1;
}

function projectOf(file: string): (typeof PROJECTS)[number] {
  if (file.startsWith('faults/slow/')) return 'slow-faults';
  if (file.startsWith('faults/') && file.endsWith('.stack.test.ts')) return 'faults';
  if (file === 'doctor/real.stack.test.ts') return 'faults';
  if (file.endsWith('.stack.test.ts')) return 'stack';
  return file.endsWith('.pg.test.ts') ? 'pg' : 'unit';
}

async function vitest(project: string, files: readonly string[], report: string): Promise<void> {
  const args = ['run', '--project', project, '--maxWorkers', '1', ...files.map((file) => `test/${file}`)];
  const reporters = ['--reporter', 'default', '--reporter', 'json', '--outputFile.json', report];
  await new Promise((resolve, reject) => {
    spawn(process.execPath, [VITEST, ...args, ...reporters], { cwd: CHECKOUT, stdio: 'inherit' })
      .on('error', reject)
      .on('close', resolve);
  });
}
