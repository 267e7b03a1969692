// Makes a checkout runnable: checks Node, and installs the dependencies when they are missing or no longer
// those of package-lock.json. Plain JavaScript with no dependency, because it runs before there is any.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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

function installDependencies() {
  // An installed package or a container image has no lockfile: its dependencies came with it.
  if (!existsSync(lockFile)) return;
  const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return;
  process.stderr.write('installing the dependencies of package-lock.json (npm ci)\n');
  const npm = spawnSync('npm', ['ci', '--no-progress'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (npm.error !== undefined || npm.status !== 0) {
    process.stderr.write(
      `npm ci failed${npm.error === undefined ? '' : ` (${npm.error.message})`}: look at its messages above; it needs npm 10 or later and a registry it can reach\n`,
    );
    process.exit(2);
  }
  writeFileSync(stampFile, wanted);
}

checkNode();
installDependencies();
