// Compiles the command `history-cdc`, because Node 20 cannot run TypeScript and a compiler at every start costs more than
// most commands. There are two places for a build:
//   dist/            made by `npm run build` (`node bin/compile.mjs`), for images and `npm pack`. It finds its SQL files
//                    relative to itself. A checkout runs it only if its sources are still the ones that it was made of.
//   node_modules/.cache/history-cdc/HASH   made by the first command in a checkout without such a dist/. The hash is that of
//                    everything it is made of: a build of other sources has another name, so it is never run by mistake.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const dist = path.join(root, 'dist');
const builds = path.join(root, 'node_modules', '.cache', 'history-cdc');
/** No folder of these, at the top of the checkout, belongs to the command. */
const NOT_OURS = new Set(['node_modules', 'dist', 'test', 'bench', 'docs', 'coverage']);
/** A command loads its files when it starts; a build of this age that is not the present one is in nobody's use. */
const KEPT_MS = 24 * 3600_000;

/** The oldest Node that a build for others has to run on: package.json, "engines". */
const OLDEST_NODE = 'node20.10';

/** Whether dist/ was made of the sources as they are now. It needs no compiler. */
export function isDistFresh() {
  const stamp = readStamp();
  return stamp !== undefined && stamp.sources === hashOfSources();
}

/** The compiled cli/main.ts. Throws where there is none and none can be made: the folder may be read-only. */
export async function compiled() {
  if (isDistFresh()) return path.join(dist, 'main.js');
  // Where we lie is part of it: this build knows the folder whose SQL and JSON files it reads.
  const key = createHash('sha256').update(`${root}\0${process.version}\0${hashOfSources()}\0`);
  const build = path.join(builds, key.update(readFileSync(compilerManifest())).digest('hex').slice(0, 32));
  const main = path.join(build, 'main.js');
  if (!existsSync(main)) await makeForThisCheckout(build);
  return main;
}

/** Makes dist/. The one before is removed only when its successor is complete. */
export async function makeDist() {
  const sourcesNow = hashOfSources();
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const fresh = path.join(root, `.dist-${process.pid}`);
  const before = `${fresh}-before`;
  try {
    await compile(fresh, { target: OLDEST_NODE, url: relativeUrl });
    writeFileSync(path.join(fresh, 'build.json'), `${JSON.stringify({ version, sources: sourcesNow })}\n`);
    if (existsSync(dist)) renameSync(dist, before);
    renameSync(fresh, dist);
  } finally {
    for (const folder of [fresh, before]) rmSync(folder, { recursive: true, force: true });
  }
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(path.join(dist, 'build.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

let known;
/** package.json is part of it because the build of another release must not be taken for this one's. */
function hashOfSources() {
  known ??= newHashOfSources();
  return known;
}

function newHashOfSources() {
  const hash = createHash('sha256');
  for (const file of [fileURLToPath(import.meta.url), path.join(root, 'package.json'), ...sources()])
    hash.update(`\0${path.relative(root, file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
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

export function hasCompiler() {
  try {
    return compilerManifest() !== undefined;
  } catch {
    return false;
  }
}

function compilerManifest() {
  return createRequire(import.meta.url).resolve('esbuild/package.json');
}

/** Several processes may do this at once: each builds beside, and the first to be ready gives the build its name. */
async function makeForThisCheckout(build) {
  const mine = `${build}.${process.pid}`;
  try {
    const url = (file) => JSON.stringify(pathToFileURL(file).href);
    await compile(mine, { target: `node${process.versions.node}`, url });
    renameSync(mine, build);
  } catch (error) {
    rmSync(mine, { recursive: true, force: true });
    if (!existsSync(build)) throw error;
  }
  removeOld(build);
}

async function compile(outdir, { target, url }) {
  mkdirSync(outdir, { recursive: true });
  const { build } = await import('esbuild');
  await build({
    entryPoints: [path.join(root, 'cli', 'main.ts')],
    outdir,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target,
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'silent',
    plugins: [{ name: 'files beside the source', setup: (hooks) => keepUrls(hooks, url) }],
  });
}

/** All files of a build are in one folder, which is dist/ in the end. */
function relativeUrl(file) {
  const fromDist = path.relative(root, file).split(path.sep).join('/');
  return `new URL(${JSON.stringify(`../${fromDist}`)}, import.meta.url).href`;
}

/** A module finds its SQL by `import.meta.url`, which must go on to name the source file. */
function keepUrls({ onLoad }, url) {
  const hashed = new Set(sources());
  onLoad({ filter: /./ }, ({ path: file }) => {
    if (!hashed.has(file))
      throw new Error(`${file} is not part of the command, and changes of it would not be seen`);
    return {
      contents: readFileSync(file, 'utf8').replaceAll('import.meta.url', () => url(file)),
      loader: 'ts',
    };
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

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  await makeDist();
