/**
 * `npm run test:node [vitest's arguments]`: the unit tests on every later Node that is supported, each by a runtime from
 * npm. Fails where a test fails, or where Node warns of something. Needs a registry on first use.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VERSIONS = ['22.23.5', '24.22.3'];
/** How Node writes one: `(node:4711) [DEP0040] DeprecationWarning: …`. */
const WARNING = /^\(node:\d+\) .*Warning: .*$/gm;

/** The program of this version, fetched on first use beside what Maven has fetched. */
function runtime(version: string): string {
  // npm has no such name for Apple's processors, because another package of this name is there.
  const name = `node-${process.platform === 'darwin' && process.arch === 'arm64' ? 'bin-' : ''}${process.platform}-${process.arch}`;
  const folder = path.join(ROOT, '.stack', 'node', version);
  const program = path.join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const args = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', `${name}@${version}`];
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`npm could not fetch ${name}@${version}`);
  return program;
}

async function testOn(version: string, args: readonly string[]): Promise<boolean> {
  process.stdout.write(`\nNode ${version}\n`);
  const vitest = path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(runtime(version), [vitest, 'run', '--project', 'unit', ...args], { cwd: ROOT });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      process.stdout.write(text);
    });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const warnings = said.match(WARNING) ?? [];
  process.stdout.write(
    `Node ${version}: exit code ${String(code)}, ${String(warnings.length)} warnings of Node\n`,
  );
  return code === 0 && warnings.length === 0;
}

let good = true;
for (const version of VERSIONS) good = (await testOn(version, process.argv.slice(2))) && good;
process.exitCode = good ? 0 : 1;
