/**
 * Writes the software bill of materials of a release as CycloneDX: the npm packages that run in production, as npm lists
 * them, and the jars of Connect's plugins with their checksums, as SHA256SUMS has them. `npm run sbom [file]`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

interface Component {
  readonly type: string;
  readonly name: string;
  readonly version?: string;
  readonly 'bom-ref'?: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

export interface Bom {
  readonly bomFormat: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies?: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

type Lockfile = Readonly<Record<string, { readonly dev?: boolean; readonly version?: string }>>;

/**
 * Without the packages that are for development only, by the lockfile. `npm sbom --omit=dev` also leaves out a package that runs
 * in production where a development package asks for it, too (tsx, yaml, with npm 11).
 */
export function inProduction(bom: Bom, lockfile: Lockfile): Bom {
  const inUse = new Set(
    Object.entries(lockfile)
      .filter(([, { dev }]) => dev !== true)
      .map(([place, { version = '' }]) => `${place.replace(/^.*node_modules\//, '')}@${version}`),
  );
  const components = bom.components.filter(({ name, version = '' }) => inUse.has(`${name}@${version}`));
  const kept = new Set([bom.metadata.component, ...components].map((component) => component['bom-ref']));
  const dependencies = (bom.dependencies ?? [])
    .filter(({ ref }) => kept.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => kept.has(each)) }));
  return { ...bom, components, dependencies };
}

/** One component per jar: `plugin/name-1.2.3.jar`. Throws on a line that is no checksum: a part left out would not be seen. */
export function jarsOf(sums: string): Component[] {
  return sums
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, content = '', file = ''] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      if (file === '') throw new Error('SHA256SUMS has a line that is no checksum of a file');
      const base = path.basename(file, '.jar');
      const [, name = base, version] = /^(.+?)-(\d.*)$/.exec(base) ?? [];
      const hashes = [{ alg: 'SHA-256', content }];
      return { type: 'library', name, ...(version !== undefined && { version }), 'bom-ref': file, hashes };
    });
}

/** npm's own list, under the package's name whatever the folder is called, with the jars. */
export function withJars(bom: Bom, name: string, sums: string): Bom {
  const component = { ...bom.metadata.component, name, type: 'application' };
  return {
    ...bom,
    metadata: { ...bom.metadata, component },
    components: [...bom.components, ...jarsOf(sums)],
  };
}

function write(file: string | undefined): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const read = (name: string) => readFileSync(path.join(root, name), 'utf8');
  const { name, version } = JSON.parse(read('package.json')) as { name: string; version: string };
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
  const npm = JSON.parse(execFileSync('npm', ['sbom', '--sbom-format=cyclonedx'], options)) as Bom;
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Lockfile };
  const sums = ['', 'jmx/'].map((folder) => read(`connectors/runtime/${folder}SHA256SUMS`)).join('');
  const bom = withJars(inProduction(npm, packages), name, sums);
  const target = file ?? path.join(root, `${name}-${version}.cdx.json`);
  writeFileSync(target, `${JSON.stringify(bom, null, 2)}\n`);
  process.stderr.write(`${String(bom.components.length)} components in ${target}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) write(process.argv[2]);
