// Makes a checkout runnable: checks Node, and installs the dependencies when they are missing or no longer
// those of package-lock.json. Plain JavaScript with no dependency, because it runs before there is any.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const lockFile = path.join(root, 'package-lock.json');
const stampFile = path.join(root, 'node_modules', '.history-cdc-installed');
const oldestNode = [20, 10];

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  process.stderr.write(
    `history-cdc needs Node ${oldestNode.join('.')} or later, this is ${process.versions.node}: install a newer Node and run it again\n`,
  );
  process.exit(2);
}

/** What is to be installed, as the hash of the lockfile; undefined where that is so already. */
function missingInstall() {
  const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted ? undefined : wanted;
}

function installDependencies() {
  // An installed package or a container image has no lockfile: its dependencies came with it.
  if (!existsSync(lockFile) || missingInstall() === undefined) return;
  const release = takeTurn();
  // Whoever had the turn before may have done it.
  const wanted = missingInstall();
  const installed = wanted === undefined || runNpm(wanted);
  release();
  if (!installed) process.exit(2);
}

function runNpm(wanted) {
  process.stderr.write('installing the dependencies of package-lock.json (npm ci)\n');
  const npm = spawnSync('npm', ['ci', '--no-progress'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (npm.error !== undefined || npm.status !== 0) {
    process.stderr.write(
      `npm ci failed${npm.error === undefined ? '' : ` (${npm.error.message})`}: look at its messages above; it needs npm 10 or later and a registry it can reach\n`,
    );
    return false;
  }
  writeFileSync(stampFile, wanted);
  return true;
}

/** One `npm ci` a checkout: it begins by removing node_modules, under the feet of another. */
function takeTurn() {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const turnFile = path.join(os.tmpdir(), `history-cdc-setup-${name}`);
  for (;;) {
    try {
      writeFileSync(turnFile, String(process.pid), { flag: 'wx' });
      return () => rmSync(turnFile, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(turnFile)) rmSync(turnFile, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function isAbandoned(turnFile) {
  try {
    process.kill(Number(readFileSync(turnFile, 'utf8')), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

checkNode();
installDependencies();
