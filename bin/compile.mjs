// Compiles the command `history-cdc` once per state of its sources, because Node 20 cannot run TypeScript and a compiler
// at every start costs more than most commands. A build lies in node_modules/.cache/history-cdc, in a folder named by the
// hash of everything it is made of: a build of other sources has another name, so that it is never run by mistake.
// By itself (`node bin/compile.mjs`) it makes the build, names it, and fails where it cannot: that is for container images.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const builds = path.join(root, 'node_modules', '.cache', 'history-cdc');
/** No folder of these, at the top of the checkout, belongs to the command. */
const NOT_OURS = new Set(['node_modules', 'test', 'bench', 'docs', 'coverage']);
/** A command loads its files when it starts; a build of this age that is not the present one is in nobody's use. */
const KEPT_MS = 24 * 3600_000;

/** The compiled cli/main.ts. Throws where there is none and none can be made: the folder may be read-only. */
export async function compiled() {
  const build = path.join(builds, hashOfSources());
  const main = path.join(build, 'main.js');
  if (!existsSync(main)) await compile(build);
  return main;
}

/** Where we lie is part of it: a build knows the folder whose SQL and JSON files it reads. */
function hashOfSources() {
  const hash = createHash('sha256').update(root).update(process.version);
  for (const file of [fileURLToPath(import.meta.url), compilerManifest(), ...sources()])
    hash.update(`\0${file}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 32);
}

function sources() {
  const folders = readdirSync(root, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.') && !NOT_OURS.has(entry.name),
  );
  return folders.flatMap(({ name }) => typescriptIn(path.join(root, name)));
}

function typescriptIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return typescriptIn(file);
    return entry.name.endsWith('.ts') ? [file] : [];
  });
}

/** esbuild comes with tsx. */
function fromTsx() {
  return createRequire(createRequire(import.meta.url).resolve('tsx/package.json'));
}

function compilerManifest() {
  return fromTsx().resolve('esbuild/package.json');
}

/** Several processes may do this at once: each builds beside, and the first to be ready gives the build its name. */
async function compile(build) {
  const mine = `${build}.${process.pid}`;
  mkdirSync(mine, { recursive: true });
  try {
    await fromTsx()('esbuild').build({
      entryPoints: [path.join(root, 'cli', 'main.ts')],
      outdir: mine,
      bundle: true,
      splitting: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: `node${process.versions.node}`,
      sourcemap: 'linked',
      sourcesContent: false,
      logLevel: 'silent',
      plugins: [{ name: 'files beside the source', setup: keepUrls }],
    });
    renameSync(mine, build);
  } catch (error) {
    rmSync(mine, { recursive: true, force: true });
    if (!existsSync(build)) throw error;
  }
  removeOld(build);
}

/** A module finds its SQL by `import.meta.url`, which must go on to name the source file. */
function keepUrls({ onLoad }) {
  const hashed = new Set(sources());
  onLoad({ filter: /./ }, ({ path: file }) => {
    if (!hashed.has(file))
      throw new Error(`${file} is not part of the command, and changes of it would not be seen`);
    const url = JSON.stringify(pathToFileURL(file).href);
    return { contents: readFileSync(file, 'utf8').replaceAll('import.meta.url', url), loader: 'ts' };
  });
}

function removeOld(present) {
  for (const name of readdirSync(builds)) {
    const folder = path.join(builds, name);
    if (folder === present) continue;
    const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > KEPT_MS) rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${await compiled()}\n`);
