// Makes a checkout runnable: checks Node, and installs the dependencies of package-lock.json where they do not resolve.
// Nothing that is installed is removed before its successor is complete: on a host without a registry, a failed install
// leaves node_modules as it was. Plain JavaScript without a dependency, because it runs before there is any.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const lockFile = path.join(root, 'package-lock.json');
const installed = path.join(root, 'node_modules');
const stampFile = path.join(installed, '.history-cdc-installed');
const oldestNode = [20, 10];

/** Ends the process with exit code 2 where this Node is too old. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  process.stderr.write(
    `history-cdc needs Node ${oldestNode.join('.')} or later, this is ${process.versions.node}: install a newer Node and run it again\n`,
  );
  process.exit(2);
}

/** Installs the dependencies where they do not resolve. `dev`: also those that only tests and tools need. */
export function installDependencies({ dev }) {
  if (resolves({ dev })) return;
  const release = takeTurn();
  let done = false;
  try {
    // Another process may have installed them while this one waited for its turn.
    done = resolves({ dev }) || install();
  } finally {
    release();
  }
  if (!done) process.exit(2);
}

/** Whether every package of the lockfile is there in its version. Without a lockfile (an installed package, an image)
 *  the dependencies came with the package. */
export function resolves({ dev }) {
  if (!existsSync(lockFile)) return true;
  const lock = readFileSync(lockFile);
  const hash = createHash('sha256').update(lock).digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === hash) return true;
  // Names are paths from the root: node_modules/pg, node_modules/pg/node_modules/split2.
  return Object.entries(JSON.parse(lock).packages).every(
    ([name, { version, optional, dev: onlyDev, peer, link }]) =>
      name === '' || optional || peer || link || (onlyDev && !dev) || versionOf(name) === version,
  );
}

function versionOf(name) {
  try {
    const { version } = JSON.parse(readFileSync(path.join(root, name, 'package.json'), 'utf8'));
    // npm takes `v1.0.0` for the version 1.0.0, and so does its lockfile.
    return version.replace(/^v/, '');
  } catch {
    return undefined;
  }
}

/** Installs into a folder beside node_modules, which then takes its place. */
function install() {
  const beside = path.join(root, `.node_modules-${String(process.pid)}`);
  process.stderr.write('installing the dependencies of package-lock.json (npm ci)\n');
  try {
    mkdirSync(beside);
    for (const file of ['package.json', 'package-lock.json', '.npmrc'])
      if (existsSync(path.join(root, file))) copyFileSync(path.join(root, file), path.join(beside, file));
    const npm = spawnSync('npm', ['ci', '--include=dev', '--no-progress'], {
      cwd: beside,
      stdio: ['ignore', 2, 2],
    });
    if (npm.error !== undefined || npm.status !== 0)
      return failed(
        `npm ci failed${npm.error === undefined ? '' : ` (${npm.error.message})`}: look at its messages above; it needs npm 10 or later and a registry it can reach`,
      );
    const made = path.join(beside, 'node_modules');
    const hash = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
    writeFileSync(path.join(made, path.basename(stampFile)), hash);
    exchange(made, path.join(beside, 'before'));
    return true;
  } catch (error) {
    return failed(`the dependencies could not be installed: ${error.message}`);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

function exchange(made, before) {
  const had = existsSync(installed);
  if (had) renameSync(installed, before);
  try {
    renameSync(made, installed);
  } catch (error) {
    if (had) renameSync(before, installed);
    throw error;
  }
}

function failed(reason) {
  process.stderr.write(`${reason}; node_modules is as it was before\n`);
  return false;
}

/** One install per checkout at a time. */
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

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  checkNode();
  installDependencies({ dev: true });
}
