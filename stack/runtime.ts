import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../lib/config.ts';
import { withLock } from './lock.ts';
import { newFolder } from './new-folder.ts';
import { assertChecksums } from './plugin-checksums.ts';
import { missing, requireMaven } from './prerequisites.ts';
import type { StartContext } from './server.ts';
import { stateFolder } from './state-folder.ts';

const FETCH_WITHIN_MS = 30 * 60_000;
const POM_FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'connectors', 'runtime');

/** A Maven build and its sources. The sources alone decide its result. */
export interface MavenBuild {
  /** The beginning of the folder's name. */
  readonly name: string;
  /** Absolute paths of the sources, with `pom.xml` among them. */
  readonly folder: string;
  readonly sources: readonly string[];
  /** Properties of the build, as Maven's `-D`. */
  readonly properties?: Readonly<Record<string, string>>;
  /** The message while Maven fetches it. */
  readonly fetching: string;
  /** Checks the result before anybody uses it. */
  readonly check?: (made: string) => void;
}

const SERVERS: MavenBuild = {
  name: 'jars',
  folder: POM_FOLDER,
  sources: [
    'pom.xml',
    'servers/pom.xml',
    'connect-plugins/pom.xml',
    'connect-plugins/avro-converter-manifest/META-INF/services/org.apache.kafka.connect.storage.Converter',
    'SHA256SUMS',
  ],
  fetching: 'fetching Kafka, Connect, Debezium and the schema registry by Maven (about 200 MB, once)',
  check: (made) => {
    assertChecksums(path.join(made, 'connect-plugins'), path.join(POM_FOLDER, 'SHA256SUMS'));
  },
};

const S3: MavenBuild = {
  name: 's3',
  folder: path.join(POM_FOLDER, 's3'),
  sources: ['pom.xml', 'SHA256SUMS'],
  fetching: 'fetching the object store by Maven (60 MB, once)',
  check: (made) => {
    assertChecksums(made, path.join(POM_FOLDER, 's3', 'SHA256SUMS'), 'the jars of the object store');
  },
};

/** The jar of the object store. It is fetched on first use, because only the archive needs it. */
export async function fetchS3(environment: Environment, onProgress: (line: string) => void): Promise<string> {
  return path.join(await fetchByMaven(S3, environment, onProgress), 's3mock.jar');
}

const JMX: MavenBuild = {
  name: 'jmx',
  folder: path.join(POM_FOLDER, 'jmx'),
  sources: ['pom.xml', 'SHA256SUMS'],
  fetching: 'fetching the JMX agent of Kafka Connect by Maven (3 MB, once)',
  check: (made) => {
    assertChecksums(made, path.join(POM_FOLDER, 'jmx', 'SHA256SUMS'), 'the JMX agent');
  },
};

/** The agent by which Kafka Connect gives metrics to Prometheus. */
export async function fetchJmxAgent({
  environment,
  onProgress,
}: Pick<StartContext, 'environment' | 'onProgress'>): Promise<string> {
  const folder = await fetchByMaven(JMX, environment, onProgress);
  const [jar] = readdirSync(folder).filter((file) => file.endsWith('.jar'));
  if (jar === undefined) throw new Error('there is no jar in the build of the JMX agent');
  return path.join(folder, jar);
}

/** What Maven fetched. */
export interface Runtime {
  /** Class path of the broker and of Connect. */
  readonly kafkaJars: string;
  readonly registryJar: string;
  /** For Connect's plugin.path. */
  readonly connectPlugins: string;
}

/** The servers' jars, fetched on first use. */
export async function fetchRuntime(
  environment: Environment,
  onProgress: (line: string) => void,
): Promise<Runtime> {
  const folder = await fetchByMaven(SERVERS, environment, onProgress);
  return {
    kafkaJars: path.join(folder, 'kafka', '*'),
    registryJar: path.join(folder, 'registry', `apicurio-registry-app-${registryVersion()}-runner.jar`),
    connectPlugins: path.join(folder, 'connect-plugins'),
  };
}

/**
 * Runs a build on first use, and returns its folder. The folder's name contains a hash of the sources, and the folder
 * appears by one rename. So an existing folder is complete and fits the sources, and an interrupted download leaves
 * none.
 */
export async function fetchByMaven(
  build: MavenBuild,
  environment: Environment,
  onProgress: (line: string) => void,
): Promise<string> {
  const root = path.join(stateFolder(environment), 'runtime');
  const folder = path.join(root, `${build.name}-${hashOf(build)}`);
  if (existsSync(folder)) return folder;
  const lock = {
    file: path.join(root, 'lock'),
    purpose: 'download of the servers',
    withinMs: FETCH_WITHIN_MS,
    onProgress,
  };
  await withLock(lock, async () => {
    if (existsSync(folder)) return;
    requireMaven(environment);
    const log = path.join(root, 'maven.log');
    await newFolder(folder, async (into) => {
      await runMaven({ build, environment, into, log, onProgress });
      build.check?.(into);
    });
  });
  return folder;
}

function hashOf({ folder, sources, properties = {} }: MavenBuild): string {
  const hash = createHash('sha256').update(Object.entries(properties).flat().join());
  for (const source of sources) hash.update(readFileSync(path.join(folder, source)));
  return hash.digest('hex').slice(0, 12);
}

function registryVersion(): string {
  const pom = readFileSync(path.join(POM_FOLDER, 'pom.xml'), 'utf8');
  const version = /<apicurio\.registry\.version>([^<]+)</.exec(pom)?.[1];
  if (version === undefined) throw new Error('connectors/runtime/pom.xml names no apicurio.registry.version');
  return version;
}

interface MavenRun {
  readonly build: MavenBuild;
  readonly environment: Environment;
  readonly into: string;
  readonly log: string;
  readonly onProgress: (line: string) => void;
}

async function runMaven({ build, environment, into, log, onProgress }: MavenRun): Promise<void> {
  onProgress(build.fetching);
  const pom = path.join(build.folder, 'pom.xml');
  // -U: Maven remembers failed downloads. With this option it asks again.
  const properties = Object.entries({ ...build.properties, 'runtime.dir': into });
  const defined = properties.map(([name, value]) => `-D${name}=${value}`);
  const maven = spawn('mvn', ['-B', '-U', '-f', pom, 'package', ...defined], {
    // Java takes the names of files for UTF-8 only with such a locale.
    env: { ...environment, LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    maven.once('error', reject);
    maven.once('close', resolve);
  });
  const record = createWriteStream(log, { mode: 0o600 });
  const progress = new DownloadProgress(onProgress);
  const errors: string[] = [];
  maven.stderr.pipe(record, { end: false });
  for await (const line of createInterface({ input: maven.stdout })) {
    record.write(`${line}\n`);
    progress.see(line);
    const [, error] = /\[ERROR\] (.+)/.exec(line) ?? [];
    if (error !== undefined) errors.push(error);
  }
  const status = await ended;
  record.end();
  if (status !== 0) throw mavenFailed(errors, log);
  progress.finish();
}

/** Turns Maven's lines `Downloaded from …: … (6.7 MB at 46 MB/s)` into one line of progress every few seconds. */
export class DownloadProgress {
  readonly #onProgress: (line: string) => void;
  #files = 0;
  #bytes = 0;
  #toldAt = Date.now();

  constructor(onProgress: (line: string) => void) {
    this.#onProgress = onProgress;
  }

  see(line: string): void {
    const [, name, size, unit] = /Downloaded from .*\/(\S+) \(([\d.]+) (B|kB|MB|GB) /.exec(line) ?? [];
    if (name === undefined || size === undefined || unit === undefined) return;
    this.#files += 1;
    this.#bytes += Number(size) * 1000 ** ['B', 'kB', 'MB', 'GB'].indexOf(unit);
    if (Date.now() - this.#toldAt < 2000) return;
    this.#toldAt = Date.now();
    this.#onProgress(`  ${this.#total()}, last ${name}`);
  }

  finish(): void {
    this.#onProgress(
      this.#files === 0 ? '  all in the local Maven repository already' : `  ${this.#total()}, done`,
    );
  }

  #total(): string {
    return `${String(this.#files)} files, ${(this.#bytes / 1e6).toFixed(0)} MB`;
  }
}

const UNREACHABLE =
  /Could not transfer|Unknown host|Connection (refused|timed out|reset)|Network is unreachable|No route to host|status code: (407|5\d\d)|timed? ?out/i;

function mavenFailed(errors: readonly string[], log: string): Error {
  const first = (errors[0] ?? 'it names no error').replace(/ -> \[Help \d+\]$/, '');
  if (!UNREACHABLE.test(errors.join('\n'))) {
    return missing(
      `Maven could not fetch the servers: ${first}`,
      `read ${log}, mend the cause and run it again`,
    );
  }
  // Maven's message begins with what it tried, often repeated, and ends with the reason of the failure.
  const reason = first.split(': ').slice(-2).join(': ');
  return missing(
    `Maven cannot reach its repository: ${reason}`,
    `check the network, or name your mirror or proxy in ~/.m2/settings.xml; all of Maven's output is in ${log}`,
  );
}
