import { spawnSync } from 'node:child_process';
import path from 'node:path';
import type { Environment } from '../lib/config.ts';
import { FatalError } from '../lib/errors.ts';

const OLDEST_JAVA = 17;

/** Finds the `java` for the servers, in JAVA_HOME or on the PATH. Throws STACK_PREREQUISITE if it is too old. */
export function findJava(environment: Environment): string {
  const home = environment['JAVA_HOME'];
  const java = home === undefined || home === '' ? 'java' : path.join(home, 'bin', 'java');
  const answer = spawnSync(java, ['-version'], { encoding: 'utf8', env: environment });
  if (answer.status !== 0) {
    throw missing(
      home === undefined || home === '' ? 'there is no java on the PATH' : `there is no java at ${java}`,
      `install a Java ${String(OLDEST_JAVA)} runtime (Debian and Ubuntu: apt-get install openjdk-17-jre-headless), or set JAVA_HOME to one`,
    );
  }
  const version = javaMajorVersion(answer.stderr);
  if (version === undefined || version < OLDEST_JAVA) {
    throw missing(
      `the servers need Java ${String(OLDEST_JAVA)} or later, and \`${java}\` is ${version === undefined ? 'of no version that can be read' : String(version)}`,
      `install Java ${String(OLDEST_JAVA)} or later, or set JAVA_HOME to one`,
    );
  }
  return java;
}

/** Reads the major version from the output of `java -version`: 8 for "1.8.0_402", 17 for "17.0.15", 21 for "21-ea". */
export function javaMajorVersion(text: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  if (first === undefined) return undefined;
  return Number(first === '1' && second !== undefined ? second : first);
}

export function requireMaven(environment: Environment): void {
  const answer = spawnSync('mvn', ['-v'], { encoding: 'utf8', env: environment });
  if (answer.status === 0) return;
  // Maven itself needs Java, and without one its message names JAVA_HOME only.
  findJava(environment);
  throw missing(
    answer.error === undefined
      ? `\`mvn -v\` fails: ${firstLine(answer.stderr || answer.stdout)}`
      : 'there is no mvn on the PATH',
    'install Maven 3.6.3 or later (Debian and Ubuntu: apt-get install maven); it is needed once, to fetch the servers',
  );
}

export function requireUnix(): void {
  if (process.platform !== 'win32') return;
  throw missing('the local stack runs on Linux and macOS only', 'run it in WSL, or use docker-compose.yml');
}

export function missing(message: string, wayOut: string): FatalError {
  return new FatalError({ code: 'STACK_PREREQUISITE', message, wayOut });
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
